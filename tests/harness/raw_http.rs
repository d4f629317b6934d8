//! A client that writes its whole request whatever the answer, and tells whether it could: what an ordinary client makes
//! of a broken pipe is its own affair, what the server sent and took is not.

use std::collections::BTreeMap;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpStream, tcp::OwnedReadHalf},
};

use super::PATIENCE;

/// Bytes written at once.
const PIECE: usize = 64 << 10;

/// How the length of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By `Content-Length`.
    Declared,
    /// Not at all: in chunks.
    Chunked,
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// Whether the server took the request to its end.
    pub written: std::io::Result<()>,
}

/// Posts `length` zero bytes, with these headers. The answer is read while they are written.
pub async fn post_zeros(url: &str, headers: &[(&str, &str)], length: usize, framing: Framing) -> Answer {
    let (authority, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .unwrap_or_else(|| panic!("a URL with a path: {url}"));
    let length_header = match framing {
        Framing::Declared => format!("content-length: {length}"),
        Framing::Chunked => "transfer-encoding: chunked".to_owned(),
    };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("POST /{path} HTTP/1.1\r\nhost: {authority}\r\n{headers}{length_header}\r\n\r\n");
    let (read, mut write) = TcpStream::connect(authority).await.expect("connected").into_split();
    let exchange = async { tokio::join!(answer(read), zeros(&mut write, &head, length, framing)) };
    let ((status, headers, body), written) =
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| panic!("{url}: no answer"));
    Answer { status, headers, body, written }
}

async fn zeros(
    to: &mut (impl AsyncWrite + Unpin),
    head: &str,
    length: usize,
    framing: Framing,
) -> std::io::Result<()> {
    let zeros = vec![0; PIECE];
    to.write_all(head.as_bytes()).await?;
    let mut left = length;
    while left > 0 {
        let piece = &zeros[..left.min(PIECE)];
        if framing == Framing::Chunked {
            to.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            to.write_all(piece).await?;
            to.write_all(b"\r\n").await?;
        } else {
            to.write_all(piece).await?;
        }
        left -= piece.len();
    }
    if framing == Framing::Chunked {
        to.write_all(b"0\r\n\r\n").await?;
    }
    Ok(())
}

async fn answer(from: OwnedReadHalf) -> (u16, BTreeMap<String, String>, Vec<u8>) {
    let mut from = BufReader::new(from);
    let mut line = String::new();
    from.read_line(&mut line).await.expect("a status line");
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.unwrap_or_else(|| panic!("a status line: {line:?}"));
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        from.read_line(&mut line).await.expect("a header");
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.expect("the answer's length")];
    from.read_exact(&mut body).await.expect("the whole answer");
    (status, headers, body)
}
