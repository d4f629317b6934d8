//! One act on a control listener, held by a lease: whoever began it may die, and the listener undoes it.

use super::act::{Act, Signal};
use super::listener::{Listener, Unanswered};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// An act that is on.
#[derive(Debug)]
pub(super) struct Held {
    listener: Listener,
    lasting: Duration,
    /// None where nothing has to be undone.
    lease: Option<String>,
}

/// Begins an act, which ends by itself after `lasting` unless it is renewed.
pub(super) async fn begin(listener: &Listener, act: &Act, lasting: Duration) -> Result<Held, Unanswered> {
    let lease_s = lasting.as_secs_f64();
    let (method, path, body) = match act {
        Act::Settings { set, .. } => {
            (Method::PATCH, "/settings".to_owned(), json!({ "settings": set, "lease_s": lease_s }))
        }
        Act::Deploy { service, version, share, set } => {
            let body = json!({ "version": version, "share": share, "settings": set, "lease_s": lease_s });
            (Method::POST, format!("/services/{}/deploy", escaped(service)), body)
        }
        Act::Network { link, set } => {
            let body = json!({ "condition": set, "lease_s": lease_s });
            (Method::PATCH, format!("/links/{}", escaped(link)), body)
        }
        Act::Signal { service, signal, .. } => {
            let mut body = json!({ "signal": signal.name() });
            if *signal == Signal::Stop {
                body["lease_s"] = lease_s.into();
            }
            (Method::POST, format!("/services/{}/signal", escaped(service)), body)
        }
        // Held by nobody: they end with who sends them.
        Act::Requests { .. } => return Ok(Held { listener: listener.clone(), lasting, lease: None }),
    };
    let answer = listener.ask(method, &path, Some(&body)).await?;
    let lease = match answer.get("lease") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    Ok(Held { listener: listener.clone(), lasting, lease })
}

impl Held {
    /// Keeps it on for another while.
    pub(super) async fn renew(&self) -> Result<(), Unanswered> {
        let Some(lease) = &self.lease else { return Ok(()) };
        let body = json!({ "lease_s": self.lasting.as_secs_f64() });
        self.listener.ask(Method::PUT, &format!("/leases/{}", escaped(lease)), Some(&body)).await.map(drop)
    }

    /// Undoes it. One that is undone already is no trouble.
    pub(super) async fn end(&self) -> Result<(), Unanswered> {
        let Some(lease) = &self.lease else { return Ok(()) };
        match self.listener.ask(Method::DELETE, &format!("/leases/{}", escaped(lease)), None).await {
            Err(e) if !e.is_gone() => Err(e),
            _ => Ok(()),
        }
    }
}

/// A name as one segment of a path.
pub(super) fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
