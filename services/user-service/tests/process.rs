//! The service as a process: a failed start is one line on stderr and an exit code.

use std::process::{Command, Output};

fn run(variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_user-service"));
    command.env("OTEL_SDK_DISABLED", "true").env("LISTEN_ADDR", "127.0.0.1:0");
    command.envs(variables.iter().copied()).output().unwrap()
}

/// The lines on stderr that are not log lines.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("user-service: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines[0].to_owned()
}

#[test]
fn a_taken_port_is_exit_3() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let output = run(&[("LISTEN_ADDR", &address)]);
    assert_eq!(output.status.code(), Some(3));
    let line = complaint(&output);
    assert!(
        line.contains("in use") && line.contains(&holder.local_addr().unwrap().port().to_string()),
        "{line}"
    );
}

#[test]
fn a_missing_data_directory_is_exit_3() {
    let output = run(&[("DATABASE_PATH", "/nowhere/at/all/users.db")]);
    assert_eq!(output.status.code(), Some(3));
    assert!(complaint(&output).contains("/nowhere/at/all/users.db"));
}

#[test]
fn a_bad_setting_is_exit_2_and_named() {
    let output = run(&[("DB_MAX_CONNECTIONS", "many")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("DB_MAX_CONNECTIONS=\"many\""));
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_before_the_first_accounts_are_written_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users.db");
    // No file may grow beyond 128 blocks: the schema fits, the accounts meet the same wall as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f 128; exec {}", env!("CARGO_BIN_EXE_user-service"));
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env("OTEL_SDK_DISABLED", "true").env("LISTEN_ADDR", "127.0.0.1:0");
    let output = command.env("DATABASE_PATH", &path).output().unwrap();
    let line = complaint(&output);
    assert!(line.contains(&path.display().to_string()) && line.contains("full"), "{line}");
    assert!(line.contains("free some space") && line.contains("DATABASE_PATH"), "{line}");
    assert_eq!(output.status.code(), Some(3));
}
