//! Waits until a process says that it can do its work.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Between two questions. A start is to take a fraction of a second, so this is short.
const PAUSE: Duration = Duration::from_millis(5);
/// The longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Asks until the answer is 200; the caller sets the deadline.
pub async fn wait(address: SocketAddr, path: &str) {
    while !matches!(timeout(ANSWER, ask(address, path)).await, Ok(Ok(true))) {
        sleep(PAUSE).await;
    }
}

/// One plain request: a whole HTTP client costs more to set up than a start may take.
async fn ask(address: SocketAddr, path: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; 12];
    stream.read_exact(&mut start).await?;
    Ok(start.ends_with(b" 200"))
}
