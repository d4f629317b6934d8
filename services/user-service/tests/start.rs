//! What a start needs: each thing that is missing is one clear line and exit code 3; a damaged file is set aside.

use telemetry::Metrics;
use user_service::{App, Config, NAME, StartError, VERSION, exit_code, router};

async fn start(config: Config) -> anyhow::Result<App> {
    App::start(config, Metrics::new(NAME, VERSION)).await
}

async fn refused(config: Config) -> String {
    let Err(error) = start(config).await else { panic!("it started") };
    assert_eq!(exit_code(&error), 3);
    assert!(error.downcast_ref::<StartError>().is_some());
    let line = format!("{error:#}");
    assert!(!line.contains('\n'), "{line}");
    line
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let line = refused(Config::new(directory.path().join("nowhere/users.db"))).await;
    assert!(line.contains("nowhere/users.db") && line.contains("directory does not exist"), "{line}");
}

#[tokio::test]
async fn a_directory_in_place_of_the_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let line = refused(Config::new(directory.path())).await;
    assert!(line.contains("not a file"), "{line}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_place_that_takes_no_file_is_named() {
    let line = refused(Config::new("/proc/users.db")).await;
    assert!(line.contains("/proc/users.db") && line.contains("cannot be written"), "{line}");
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users.db");
    let rubbish = "not a database ".repeat(1000);
    std::fs::write(&path, &rubbish).unwrap();
    let app = start(Config::new(&path)).await.unwrap();
    let reply = chassis::testing::send(&router(&app), chassis::testing::get("/users/1")).await;
    assert_eq!(reply.status, 200);
    let kept = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains("users.db.corrupt-"))
        .expect("the damaged file is kept");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), rubbish);
}

#[tokio::test]
async fn a_second_start_finds_the_data_of_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users.db");
    let first = start(Config::new(&path)).await.unwrap();
    first.database.close().await;
    let second = start(Config::new(&path)).await.unwrap();
    let reply = chassis::testing::send(&router(&second), chassis::testing::get("/users")).await;
    assert_eq!(reply.json["total"], 1000);
}

#[tokio::test]
async fn one_account_begins_with_many_notifications_and_gets_them_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::new(directory.path().join("users.db"));
    config.reseller_orders = 300;
    for _start in 0..2 {
        let app = start(config.clone()).await.unwrap();
        for (user, total) in [(1000, 300), (999, 0)] {
            let path = format!("/users/{user}/notifications");
            let reply = chassis::testing::send(&router(&app), chassis::testing::get(&path)).await;
            assert_eq!(reply.json["total"], total, "{user}");
        }
        app.database.close().await;
    }
}
