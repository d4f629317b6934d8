//! Waits until a process says that it can do its work.

use std::{net::SocketAddr, time::Duration};

use balance::probe;
use tokio::time::{sleep, timeout};

/// Between two questions. A start is to take a fraction of a second, so this is short.
const PAUSE: Duration = Duration::from_millis(5);
/// The longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Asks until the answer is 200; the caller sets the deadline. A whole HTTP client costs more to set up than a start may take.
pub async fn wait(address: SocketAddr, path: &str) {
    let authority = address.to_string();
    while !matches!(timeout(ANSWER, probe::ask(&authority, path)).await, Ok(Ok(true))) {
        sleep(PAUSE).await;
    }
}
