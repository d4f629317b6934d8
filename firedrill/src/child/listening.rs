//! The first line of a child's output: where it listens.

use std::{collections::BTreeMap, io::Write as _, net::SocketAddr};

use serde::{Deserialize, Serialize};

/// Listener names and the addresses they got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// By the names of [`crate::ports::STANDARD`].
    pub listening: BTreeMap<String, SocketAddr>,
    /// The process that listens, where it is another than the one that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

impl Listening {
    /// Tells the parent. A parent that is gone is noticed by the lifeline, so a failed write is no error here.
    pub fn announce(&self) {
        let mut out = std::io::stdout().lock();
        let line = serde_json::to_string(self).unwrap_or_default();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Reads `name=address`, the form of `firedrill run`'s arguments.
pub fn parse_pair(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, address) = text.split_once('=').ok_or("expected NAME=ADDRESS")?;
    let address = address.parse().map_err(|e| format!("{address:?} is no address: {e}"))?;
    Ok((name.to_owned(), address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_given_as_name_and_address() {
        assert_eq!(
            parse_pair("jaeger=127.0.0.1:0"),
            Ok(("jaeger".into(), "127.0.0.1:0".parse().expect("fine")))
        );
        assert!(parse_pair("jaeger").is_err());
        assert!(parse_pair("jaeger=here").is_err_and(|e| e.contains("here")));
    }
}
