//! What is deleted under a running stack is told on the terminal of `up`, with what to do, and what can be mended is.

use crate::harness::{Stack, eventually, stderr};

#[tokio::test]
async fn deleted_stores_are_told_in_one_line() {
    let mut stack = Stack::quiet().await;
    let data = stack.home.path().join("data");
    let mut said = stack.errors();
    std::fs::remove_dir_all(&data).expect("deleted");
    let told = tokio::time::timeout(crate::harness::PATIENCE, async {
        loop {
            let line = said.next_line().await.expect("readable").expect("it runs");
            if line.contains("deleted") {
                return line;
            }
        }
    });
    let told = told.await.expect("it is told");
    assert!(
        told.contains(&format!("{} was deleted", data.display())) && told.contains("start it again"),
        "{told}"
    );
}

#[tokio::test]
async fn a_deleted_run_file_is_written_again() {
    let stack = Stack::quiet().await;
    let path = stack.home.path().join("run.json");
    std::fs::remove_file(&path).expect("deleted");
    let asked = stack.run(&["query", "1"]).await;
    let said = stderr(&asked);
    assert!(asked.status.success() || said.contains("try again in a moment"), "{said}");
    eventually("it is there again", || async { path.exists().then_some(()) }).await;
    assert!(stack.run(&["query", "1"]).await.status.success());
    let stopped = stack.interrupt().await;
    assert!(stopped.err.contains("run.json was deleted") && !path.exists(), "{}", stopped.err);
}
