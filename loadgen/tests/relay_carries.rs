//! The relay carries bytes as they are, until it is asked for a bad line; and a bad line is really bad.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod relay_support;
mod support;

use relay_support::{Relay, Server};
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Writes `text` and waits until it comes back.
async fn echo(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.unwrap();
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(answer == text, "what came back is not what was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_data_arrives_whole_and_in_order_both_ways() {
    let server = Server::echo().await;
    let relay = Relay::to(&server).await;
    let (mut read, mut write) = relay.connect().await.into_split();
    let sent: Vec<u8> = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let expected = sent.clone();
    let writing = tokio::spawn(async move {
        write.write_all(&sent).await.unwrap();
        // The server sees the end, and answers all the same.
        write.shutdown().await.unwrap();
    });
    let mut got = Vec::new();
    read.read_to_end(&mut got).await.unwrap();
    writing.await.unwrap();
    assert!(got == expected, "{} of {} bytes", got.len(), expected.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_are_kept_apart_and_counted() {
    let server = Server::echo().await;
    let relay = Relay::to(&server).await;
    let mut all = Vec::new();
    for i in 0..100u32 {
        let mut stream = relay.connect().await;
        echo(&mut stream, &i.to_be_bytes()).await;
        all.push(stream);
    }
    for (i, stream) in all.iter_mut().enumerate() {
        echo(stream, format!("number {i}").as_bytes()).await;
    }
    let link = relay.link().await;
    assert_eq!((link["accepted"].as_u64(), link["open"].as_u64()), (Some(100), Some(100)));
    drop(all);
    while relay.link().await["open"] != 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_is_felt_each_way_also_by_connections_that_were_there() {
    let server = Server::echo().await;
    let relay = Relay::to(&server).await;
    let mut stream = relay.connect().await;
    echo(&mut stream, b"before").await;
    relay.set(r#"{"delay_ms":40}"#).await;
    let asked = Instant::now();
    echo(&mut stream, b"during").await;
    assert!(asked.elapsed() >= Duration::from_millis(80), "{:?}", asked.elapsed());
    relay.set(r#"{"delay_ms":0}"#).await;
    echo(&mut stream, b"after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_line_takes_its_time_and_loses_nothing() {
    let server = Server::echo().await;
    let relay = Relay::to(&server).await;
    relay.set(r#"{"bandwidth_kib_s":512}"#).await;
    let mut stream = relay.connect().await;
    let asked = Instant::now();
    // 64 KiB there, and the last of it back.
    echo(&mut stream, &vec![7; 64 * 1_024]).await;
    assert!(asked.elapsed() >= Duration::from_millis(125), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_reaches_both_ends_and_the_target_never_sees_the_message() {
    let server = Server::echo().await;
    let relay = Relay::to(&server).await;
    let mut stream = relay.connect().await;
    echo(&mut stream, b"good").await;
    relay.set(r#"{"reset_ratio":1.0}"#).await;
    stream.write_all(b"bad").await.unwrap();
    let error = stream.read(&mut [0; 8]).await.expect_err("a reset is no orderly end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(server.ended().await, Err(ErrorKind::ConnectionReset));
    assert_eq!(server.received(), b"good");
    assert_eq!(relay.link().await["resets"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_passes_a_blackhole_and_all_comes_when_it_ends() {
    let server = Server::echo().await;
    let relay = Relay::to(&server).await;
    let mut stream = relay.connect().await;
    echo(&mut stream, b"1").await;
    relay.set(r#"{"blackhole":true}"#).await;
    stream.write_all(b"2").await.unwrap();
    // One that comes now does not even get through to the target.
    let mut late = relay.connect().await;
    late.write_all(b"3").await.unwrap();
    relay.seen_by_another_link(&server).await;
    assert_eq!((server.received(), server.accepted()), (b"1x".to_vec(), 2));

    relay.set(r#"{"blackhole":false}"#).await;
    let mut answer = [0];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"2");
    late.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_gave_up_in_a_blackhole_never_reaches_the_target() {
    let server = Server::echo().await;
    let relay = Relay::to(&server).await;
    relay.set(r#"{"blackhole":true}"#).await;
    let mut stream = relay.connect().await;
    stream.write_all(b"in vain").await.unwrap();
    while relay.link().await["open"] != 1 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    while relay.link().await["open"] != 0 {
        tokio::task::yield_now().await;
    }
    relay.set(r#"{"blackhole":false}"#).await;
    echo(&mut relay.connect().await, b"now").await;
    assert_eq!((server.received(), server.accepted()), (b"now".to_vec(), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_half_open_line_requests_arrive_and_answers_do_not() {
    let server = Server::echo().await;
    let relay = Relay::to(&server).await;
    relay.set(r#"{"half_open":true}"#).await;
    let mut stream = relay.connect().await;
    stream.write_all(b"hello").await.unwrap();
    server.until_received(5).await;
    relay.seen_by_another_link(&server).await;
    let early = stream.try_read(&mut [0; 8]);
    assert_eq!(early.map_err(|e| e.kind()), Err(ErrorKind::WouldBlock));
    relay.set(r#"{"half_open":false}"#).await;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_listens_the_connection_is_reset() {
    // Taken, so that no other test listens there, and yet nobody listens.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let relay = Relay::at(&nobody.local_addr().unwrap().to_string()).await;
    // The reset may be there before the client has noticed that it was connected.
    let ended = match TcpStream::connect(relay.entry).await {
        Ok(mut stream) => stream.read(&mut [0; 8]).await,
        Err(e) => Err(e),
    };
    assert_eq!(ended.map_err(|e| e.kind()), Err(ErrorKind::ConnectionReset));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_dies_takes_its_clients_connections_with_it() {
    let server = Server::closing_after(4).await;
    let relay = Relay::to(&server).await;
    let mut stream = relay.connect().await;
    stream.write_all(b"last").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"last");
}
