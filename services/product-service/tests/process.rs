//! The service as a process that meets a record which it must not go on with.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// Starts it in a folder, and waits until it serves: the process and its address.
fn start(folder: &std::path::Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_product-service"))
        .env("OTEL_SDK_DISABLED", "true")
        .env("LISTEN_ADDR", "127.0.0.1:0")
        .env("DATABASE_PATH", folder.join("products.db"))
        .env("SETTINGS_PATH", folder.join("settings.json"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let serving = lines.map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap());
    let serving = serving.into_iter().find(|line| line["message"] == "serving").expect("it serves");
    (child, serving["address"].as_str().unwrap().to_owned())
}

/// The answer; nothing when there is none.
fn ask(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a_damaged_product_ends_the_process_when_it_is_told_so_each_time_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let kept = r#"{"version": 1, "revision": 2, "leases": {}, "history": [],
        "values": {"catalogue.parser": "strict", "catalogue.on_bad_record": "abort"}}"#;
    std::fs::write(folder.path().join("settings.json"), kept).unwrap();
    for _ in 0..2 {
        let (mut child, address) = start(folder.path());
        assert!(ask(&address, "/products/1499").starts_with("HTTP/1.1 200"), "others can be read");
        assert_eq!(ask(&address, "/products/1500"), "");
        let status = child.wait().unwrap();
        assert!(!status.success() && status.code().is_none(), "by a signal: {status}");
    }
}
