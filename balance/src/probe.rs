//! Asks instances whether they are ready.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::balancer::Instance;

/// Between two questions to the same instance, and how long it may take to answer.
const EACH: Duration = Duration::from_secs(1);

/// Asks once, by one plain request to `host:port`: whether the answer is 200.
///
/// # Errors
/// When there is no connection or no answer.
pub async fn ask(authority: &str, path: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; 12];
    stream.read_exact(&mut start).await?;
    Ok(start.ends_with(b" 200"))
}

/// Asks each of several instances for its `/ready`, once a second. A single one gets every request whatever it says.
pub(crate) async fn each_second(list: impl Fn() -> Arc<[Arc<Instance>]>) {
    let mut tick = interval(EACH);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let instances = list();
        if instances.len() > 1 {
            join_all(instances.iter().map(|instance| look(instance))).await;
        }
    }
}

async fn look(instance: &Instance) {
    let answer = timeout(EACH, ask(&instance.authority, "/ready")).await;
    instance.probed(matches!(answer, Ok(Ok(true))));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU16, Ordering};

    use tokio::net::TcpListener;

    use super::*;
    use crate::{Balancer, Endpoint};

    /// A server that answers every connection with what `status` holds, and its address.
    async fn server(status: Arc<AtomicU16>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = format!("HTTP/1.1 {} X\r\n\r\n", status.load(Ordering::Relaxed));
                // Who asks may have gone away.
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        url
    }

    #[tokio::test]
    async fn who_says_that_it_is_not_ready_gets_nothing_until_it_is() {
        let [one, two] = [200, 200].map(|status| Arc::new(AtomicU16::new(status)));
        let endpoints = [
            Endpoint { url: server(one).await, share: 0.5 },
            Endpoint { url: server(Arc::clone(&two)).await, share: 0.5 },
        ];
        let balancer = Balancer::new(&endpoints).expect("a list");
        let watching = balancer.clone();
        tokio::spawn(async move { watching.watch().await });
        for (status, healthy) in [(503, false), (200, true)] {
            two.store(status, Ordering::Relaxed);
            let wait = async {
                while balancer.shown()[1].healthy != healthy {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            timeout(Duration::from_secs(60), wait).await.expect("noticed");
            assert!(balancer.shown()[0].healthy);
        }
    }

    #[tokio::test]
    async fn a_single_instance_is_asked_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let balancer = Balancer::single(&url).expect("an address");
        tokio::time::pause();
        // The clock is virtual, and whoever connects is noticed whatever it says.
        assert!(timeout(3 * EACH, balancer.watch()).await.is_err());
        let nobody = std::future::poll_fn(|cx| std::task::Poll::Ready(listener.poll_accept(cx).is_pending()));
        assert!(nobody.await, "nobody has connected");
    }
}
