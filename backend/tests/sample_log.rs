//! A restart keeps metrics: after an orderly end, after `kill -9`, and as far as a damaged file goes.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Remote, TestBackend, now_ns};
use crate::process::Process;
use crate::remote::{series, write};

fn now_ms() -> i64 {
    (now_ns() / 1_000_000) as i64
}

/// So many samples of one series, the last of them at `end`, a second apart.
fn samples(count: i64, end: i64) -> Vec<(i64, f64)> {
    (0..count).map(|i| (end - (count - 1 - i) * 1000, i as f64)).collect()
}

/// Files of the sample log whose names begin so.
fn files(data_dir: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data_dir.join("samples")).expect("the folder");
    let mut found: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    found.retain(|p| p.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(prefix)));
    found.sort();
    found
}

async fn value(client: &reqwest::Client, prometheus: &str, query: &str) -> Option<String> {
    let url = format!("{prometheus}/api/v1/query");
    let answer = client.get(url).query(&[("query", query)]).send().await.expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    body["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
}

#[tokio::test]
async fn samples_are_there_after_a_restart_and_go_on() {
    let now = now_ms();
    let many = series(&[("__name__", "many"), ("a", "b")], &samples(1000, now - 1000));
    let few = series(&[("__name__", "few")], &samples(3, now - 1000));
    let backend = TestBackend::start().await;
    write(&backend.client, &backend.prometheus, vec![many, few]).await;
    let dir = backend.stop().await;

    let backend = TestBackend::on(dir, |_| {}).await;
    let ask = |query: &'static str| value(&backend.client, &backend.prometheus, query);
    assert_eq!(ask("sum_over_time(many{a=\"b\"}[1h] offset -1s)").await.as_deref(), Some("499500"));
    assert_eq!(ask("count_over_time(few[1h] offset -1s)").await.as_deref(), Some("3"));
    let next = |name| series(&[("__name__", name)], &[(now, 7.0)]);
    let many = series(&[("__name__", "many"), ("a", "b")], &[(now, 7.0)]);
    write(&backend.client, &backend.prometheus, vec![many, next("few")]).await;
    let dir = backend.stop().await;

    let backend = TestBackend::on(dir, |_| {}).await;
    let ask = |query: &'static str| value(&backend.client, &backend.prometheus, query);
    assert_eq!(ask("count_over_time(many[1h] offset -1s)").await.as_deref(), Some("1001"));
    assert_eq!(ask("sum_over_time(few[1h] offset -1s)").await.as_deref(), Some("10"));
    assert_eq!(backend.metric("backend_segments_set_aside_total").await, 0.0);
    assert_eq!(backend.metric("backend_series").await, 2.0);
}

#[tokio::test]
async fn what_was_written_is_there_after_kill_9() {
    let dir = tempfile::tempdir().expect("a folder");
    let now = now_ms();
    for round in 0..3 {
        let backend = Process::start(dir.path());
        let remote = Remote::new(&backend.client, &backend.prometheus);
        assert_eq!(remote.metric("backend_segments_set_aside_total").await, 0.0);
        if round > 0 {
            let found =
                value(&backend.client, &backend.prometheus, "count_over_time(m[1d] offset -1h)").await;
            assert_eq!(found, Some((round * 300).to_string()));
        }
        // The first write begins the file.
        remote.until_metric("backend_sample_log_writes_total", |n| n >= 1.0).await;
        let sent: Vec<_> = samples(300, now + round * 300_000);
        write(&backend.client, &backend.prometheus, vec![series(&[("__name__", "m")], &sent)]).await;
        remote.until_metric("backend_sample_log_writes_total", |n| n >= 2.0).await;
        backend.kill();
    }
    assert_eq!(files(dir.path(), "recent-").len(), 1);
}

#[tokio::test]
async fn the_end_of_a_damaged_file_is_set_aside_and_the_rest_is_read() {
    let now = now_ms();
    let backend = TestBackend::start().await;
    let all: Vec<_> =
        (0..50).map(|i| series(&[("__name__", "m"), ("i", &i.to_string())], &samples(250, now))).collect();
    write(&backend.client, &backend.prometheus, all).await;
    let data = backend.data_dir();
    // Started once more, it keeps of recent samples only those that are in no chunk.
    let dir = TestBackend::on(backend.stop().await, |_| {}).await.stop().await;
    let [file] = files(&data, "chunks-").try_into().expect("one file");
    let mut bytes = std::fs::read(&file).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&file, &bytes).expect("writable");

    let backend = TestBackend::on(dir, |_| {}).await;
    assert_eq!(backend.metric("backend_segments_set_aside_total").await, 1.0);
    assert_eq!(files(&data, "chunks-").len(), 2, "one is the end that was set aside");
    let ask = |query: &'static str| value(&backend.client, &backend.prometheus, query);
    let whole = ask("count(count_over_time(m[1h] offset -1s) == 250)").await.expect("some are whole");
    let whole: f64 = whole.parse().expect("a number");
    assert!((15.0..35.0).contains(&whole), "{whole}");
    // What had not been done when it ended is in the other file.
    assert_eq!(ask("count(m)").await.as_deref(), Some("50"));
    let runtime = backend.json(&backend.prometheus, "/api/v1/status/runtimeinfo", &[]).await;
    assert_eq!(runtime["data"]["corruptionCount"], 1);
    backend.stop().await;
}

#[tokio::test]
async fn the_log_keeps_to_its_bound_on_disk() {
    let backend = TestBackend::with(|c| c.metrics_disk_bytes = 1 << 20).await;
    let now = now_ms();
    for round in 0..10 {
        let noise = |s: i64, i: i64| ((s * 7919 + i * 104_729) as f64).sin();
        let sent = (0..10).map(|s: i64| {
            let values: Vec<_> =
                (0..4800).map(|i| (now - 60_000_000 + (round * 4800 + i) * 1000, noise(s, i))).collect();
            series(&[("__name__", "m"), ("s", &s.to_string())], &values)
        });
        write(&backend.client, &backend.prometheus, sent.collect()).await;
    }
    let before = backend.metric("backend_sample_log_bytes").await;
    assert!(before > 0.0);
    let size = |prefix| -> u64 {
        files(&backend.data_dir(), prefix).iter().map(|f| std::fs::metadata(f).map_or(0, |m| m.len())).sum()
    };
    // Four megabytes of samples, of which the oldest files are dropped.
    backend
        .until("the files keep to their bound", || async {
            let first =
                files(&backend.data_dir(), "chunks-").first().map(|f| !f.ends_with("chunks-0000000001.log"));
            first == Some(true) && size("chunks-") < (1 << 20) + (128 << 10)
        })
        .await;
    backend.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_keeps_no_sample_out_and_the_log_catches_up() {
    let dir = tempfile::tempdir().expect("a folder");
    let now = now_ms();
    let backend = Process::start(dir.path());
    let remote = Remote::new(&backend.client, &backend.prometheus);
    remote.until_metric("backend_sample_log_writes_total", |n| n >= 1.0).await;
    backend.limit_files(Some(32));
    let noise: Vec<_> = (0..1000).map(|i| (now - 2_000_000 + i * 1000, f64::from(i as i32).sin())).collect();
    write(&backend.client, &backend.prometheus, vec![series(&[("__name__", "m")], &noise)]).await;
    remote.until_metric("backend_sample_log_behind", |n| n == 1.0).await;
    // Longer than the pause between two tries.
    remote.until_metric("backend_sample_log_failures_total", |n| n >= 3.0).await;
    write(&backend.client, &backend.prometheus, vec![series(&[("__name__", "m")], &[(now, 1.0)])]).await;
    let counted = "count_over_time(m[1h] offset -1s)";
    assert_eq!(value(&backend.client, &backend.prometheus, counted).await.as_deref(), Some("1001"));
    backend.limit_files(None);
    remote.until_metric("backend_sample_log_behind", |n| n == 0.0).await;
    backend.kill();

    let backend = Process::start(dir.path());
    assert_eq!(value(&backend.client, &backend.prometheus, counted).await.as_deref(), Some("1001"));
    let remote = Remote::new(&backend.client, &backend.prometheus);
    assert_eq!(remote.metric("backend_segments_set_aside_total").await, 0.0);
}
