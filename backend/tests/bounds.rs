//! What the environment lacks is one clear error; what is damaged is set aside.

use backend::{Config, Error};

use crate::harness::{TestBackend, export, listeners, span};

async fn refused(config: Config) -> Error {
    let (listeners, _) = listeners().await;
    backend::run(listeners, config, std::future::pending()).await.expect_err("refused")
}

#[tokio::test]
async fn a_missing_parent_folder_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let data_dir = dir.path().join("no").join("data");
    let error = refused(Config { data_dir: data_dir.clone(), ..Config::default() }).await;
    assert!(matches!(error, Error::MissingDirectory(_)) && error.is_environment());
    assert!(error.to_string().contains(&data_dir.display().to_string()), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
}

#[tokio::test]
async fn a_file_in_place_of_the_folder_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let data_dir = dir.path().join("data");
    std::fs::write(&data_dir, "x").expect("written");
    let error = refused(Config { data_dir, ..Config::default() }).await;
    assert!(matches!(error, Error::NotADirectory(_)), "{error}");
}

#[tokio::test]
async fn a_folder_in_use_is_refused() {
    let backend = TestBackend::start().await;
    let error = refused(Config { data_dir: backend.data_dir(), ..Config::default() }).await;
    assert!(matches!(error, Error::InUse(_)) && error.is_environment(), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_not_deleted_and_the_rest_is_served() {
    let backend = TestBackend::start().await;
    backend.send(&export("shop", vec![span(1, 1, None, "x")])).await;
    let data = backend.data_dir();
    let dir = backend.stop().await;
    let segment = segments(&data).pop().expect("a segment");
    let junk = b"this was a database once".repeat(1000);
    std::fs::write(&segment, &junk).expect("written");

    let backend = TestBackend::on(dir, |_| {}).await;
    assert_eq!(backend.metric("backend_segments_set_aside_total").await, 1.0);
    let aside = format!("{}.corrupt-", segment.file_name().expect("a name").to_string_lossy());
    let files = std::fs::read_dir(&data).expect("readable").flatten();
    let mut kept = files.filter(|file| file.file_name().to_string_lossy().starts_with(&aside));
    assert_eq!(std::fs::read(kept.next().expect("kept").path()).expect("readable"), junk);
    assert_eq!(backend.get(&backend.jaeger, &format!("/api/traces/{}", "01".repeat(16))).await.status(), 404);
    backend.send(&export("shop", vec![span(2, 1, None, "y")])).await;
    assert_eq!(backend.get(&backend.jaeger, &format!("/api/traces/{}", "02".repeat(16))).await.status(), 200);
}

pub(crate) fn segments(data: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(data)
        .expect("readable")
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "db"))
        .collect();
    found.sort();
    found
}
