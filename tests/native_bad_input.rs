//! A real stack that cannot be: what is missing, what does not fit, what does not answer. Each in one line, with what to do.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use firedrill::{home::Home, native::PROGRAMS, ports, run_file::RunFile};
use tempfile::TempDir;

use crate::harness::{Setup, command, eventually, json, native, run, said, signal, stderr, working_in};

/// One line on standard error with all of `words`, this exit code, and no child left.
fn refused(output: &Output, code: i32, home: &Path, words: &[&str]) {
    let told = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    assert_eq!(told.lines().count(), 1, "{told}");
    for word in words {
        assert!(told.contains(word), "{word:?} in {told:?}");
    }
    assert!(!home.join("run.json").exists());
    assert_eq!(working_in(home), [0; 0], "no process of this home is left");
}

/// Starts the native stack with these programs on `PATH` and no others, each a script that says what is given.
async fn up_with(programs: &[(&str, &str)]) -> (Output, TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a home");
    let path = home.path().join("path");
    std::fs::create_dir(&path).expect("a folder");
    for (name, says) in programs {
        // Another process writes it: a file that this one has open for writing, in whatever thread, cannot be run.
        let script = format!("printf '#!/bin/sh\necho \"%s\"\n' '{says}' > {name} && chmod 755 {name}");
        let written = std::process::Command::new("sh").args(["-c", &script]).current_dir(&path).status();
        assert!(written.is_ok_and(|status| status.success()), "{script}");
    }
    let mut up = command(home.path());
    up.args(["up", "--stack", "native", "--ports", "auto", "--for", "1s"]);
    up.env("PATH", &path).env("FIREDRILL_BACKENDS", home.path().join("empty"));
    let output = tokio::time::timeout(crate::harness::PATIENCE, up.output()).await.expect("it ends");
    (output.expect("it runs"), home, path)
}

#[tokio::test]
async fn every_missing_program_is_named_with_the_one_command_that_gets_them() {
    let (output, home, _) = up_with(&[]).await;
    let build = format!("`stack/native/build {}`", PROGRAMS.join(" "));
    let words =
        [&PROGRAMS[..], &[&build, "not there", "or newer is needed", "without --stack native"]].concat();
    refused(&output, 3, home.path(), &words);
}

#[tokio::test]
async fn a_program_that_is_too_old_or_another_one_is_named_with_what_is_needed() {
    let (output, home, path) = up_with(&[
        ("prometheus", "prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5)"),
        ("loki", "loki 2.1.4: statistical genetics"),
        ("jaeger", "gitVersion v2.13.0"),
        ("alertmanager", "alertmanager, version 0.31.1 (branch: , revision: )"),
    ])
    .await;
    let prometheus = format!("{} is 2.42.0, 3.5.0 or newer is needed", path.join("prometheus").display());
    let loki = format!("{} is another program of that name", path.join("loki").display());
    let build = "`stack/native/build prometheus loki otelcol`";
    refused(&output, 3, home.path(), &[&prometheus, &loki, "otelcol (not there", build]);
}

#[tokio::test]
async fn a_port_that_another_prometheus_holds_is_named_with_it() {
    let Some(prometheus) = native::program("prometheus") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let address = ports::free(1).expect("a free port")[0];
    std::fs::write(folder.path().join("prometheus.yaml"), "").expect("written");
    let mut other = native::command(&prometheus, folder.path());
    other.args(["--config.file=prometheus.yaml", "--storage.tsdb.path=data"]);
    other.arg(format!("--web.listen-address={address}")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut other = other.spawn().expect("it starts");
    let pid = other.id().expect("it runs");
    // To try to listen there meanwhile would take the port from it.
    eventually("the other one listens", || async { TcpStream::connect(address).ok() }).await;
    let error = TcpListener::bind(address).expect_err("it is taken");
    let told = ports::taken("prometheus", address, &error).message;
    let expected = format!("port {} (prometheus) is taken by prometheus (pid {pid})", address.port());
    assert!(told.starts_with(&expected), "{told}");
    assert!(told.contains("--ports auto"), "{told}");
    other.kill().await.expect("it ends");
}

/// `up --stack external` with these options.
async fn external(home: &Path, options: &[&str]) -> Output {
    run(home, &[&["up", "--stack", "external", "--ports", "auto", "--for", "1s"], options].concat()).await
}

#[tokio::test]
async fn an_external_stack_without_its_addresses_or_answers_is_refused() {
    let home = tempfile::tempdir().expect("a home");
    let output = external(home.path(), &[]).await;
    let options = ["--prometheus-url", "--loki-url", "--jaeger-url", "--otlp-url"];
    refused(&output, 2, home.path(), &options);

    let output = external(home.path(), &["--loki-url", "https://127.0.0.1:3100"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    for word in ["https://127.0.0.1:3100", "--loki-url", "there is no TLS here"] {
        assert!(said(&output).contains(word), "{word:?} in {}", said(&output));
    }

    let dead = "http://127.0.0.1:1";
    let given: Vec<&str> = options.iter().flat_map(|option| [*option, dead]).collect();
    let output = external(home.path(), &given).await;
    refused(&output, 3, home.path(), &["--stack external", dead, "correct its address"]);

    let output = run(home.path(), &["up", "--ports", "auto", "--loki-url", "http://127.0.0.1:3100"]).await;
    refused(&output, 2, home.path(), &["--loki-url goes with --stack external"]);
}

#[tokio::test]
async fn a_stack_beside_backends_that_run_already_passes_an_audit() {
    let homes = [tempfile::tempdir().expect("a home"), tempfile::tempdir().expect("a home")];
    let [theirs, ours] = homes;
    // Where `up` will write what is to be scraped; the backend reads it again whenever it changes.
    let scrape = ours.path().join("scrape.json");
    std::fs::write(&scrape, "[]").expect("written");
    let mut backend = command(theirs.path());
    backend.args(["backend", "--ports", "auto", "--scrape"]).arg(&scrape).stdout(Stdio::null());
    let mut backend = backend.spawn().expect("it starts");
    let runs = eventually("the backend", || async {
        RunFile::find(&Home::new(Some(theirs.path().to_path_buf()))).ok()
    })
    .await;
    let url = |name: &str| runs.url(name).expect("an address").to_owned();

    let mut setup = Setup::default().arg("--stack").arg("external").arg("--no-load");
    for (option, name) in [
        ("--prometheus-url", "prometheus"),
        ("--loki-url", "loki"),
        ("--jaeger-url", "jaeger"),
        ("--otlp-url", "otlp_http"),
    ] {
        setup = setup.arg(option).arg(&url(name));
    }
    let stack = setup.home(ours).start().await;
    assert_eq!(stack.run.stack, "external");
    assert_eq!(stack.url("jaeger"), url("jaeger"));
    let output = stack.run(&["audit", "--requests", "100", "--json"]).await;
    let report = json(&output);
    assert!(output.status.success(), "{report} {}", said(&output));
    assert_eq!(report["metrics_equal"], true, "{report}");

    let stopped = stack.interrupt().await;
    assert!(stopped.status.success(), "{}", stopped.status);
    assert!(stopped.out.contains("scrape.json"), "it tells what is to be scraped: {}", stopped.out);
    assert_eq!(working_in(stopped.home.path()).len(), 1, "the backend goes on: it was told of that file");
    signal(backend.id().expect("it runs"), rustix::process::Signal::INT);
    assert!(backend.wait().await.expect("it ends").success());
}
