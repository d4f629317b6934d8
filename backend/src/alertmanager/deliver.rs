//! Delivers a notification: a line to whoever shows lines, a message to an address, again and again until it is taken or time
//! is up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::config::Webhook;
use super::counts::Reason;
use super::message::Message;

/// The pause before the second attempt, how it grows, and the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const GROWS_BY: f64 = 1.5;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Shows a line to a person: where, the process decides that has the terminal.
#[derive(Clone)]
pub struct Screen(Arc<dyn Fn(&str) + Send + Sync>);

impl Screen {
    /// Hands every line to `show`, which must not wait.
    pub fn new(show: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(show))
    }

    pub(super) fn show(&self, line: &str) {
        (self.0)(line);
    }
}

impl Default for Screen {
    /// Into the log.
    fn default() -> Self {
        Self::new(|line| tracing::info!("{line}"))
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screen")
    }
}

/// Why a notification was given up.
#[derive(Debug)]
pub(super) struct GivenUp {
    pub(super) reason: Reason,
    pub(super) what: String,
    pub(super) attempts: u32,
}

/// What became of one attempt.
enum Attempt {
    Taken,
    Refused(Reason, String),
    /// It may be taken the next time.
    Failed(Reason, String),
}

/// Sends a message until it is taken, `patience` is over, or it is refused for good. `attempted` hears of each attempt.
///
/// # Errors
/// [`GivenUp`].
pub(super) async fn webhook(
    client: &reqwest::Client,
    webhook: &Webhook,
    message: &Message,
    patience: Duration,
    attempted: impl Fn(Duration, bool),
) -> Result<(), GivenUp> {
    let deadline = Instant::now() + patience;
    let (mut pause, mut attempts) = (FIRST_PAUSE, 0);
    loop {
        let begun = Instant::now();
        let until = webhook.timeout.map_or(deadline, |most| deadline.min(begun + most));
        let attempt = timeout_at(until, post(client, webhook, message)).await.unwrap_or_else(|_| {
            let reason = if until == deadline { Reason::DeadlineExceeded } else { Reason::Other };
            Attempt::Failed(reason, "no answer in time".to_owned())
        });
        attempts += 1;
        attempted(begun.elapsed(), matches!(attempt, Attempt::Taken));
        let again = Instant::now() + pause;
        match attempt {
            Attempt::Taken => return Ok(()),
            Attempt::Refused(reason, what) => return Err(GivenUp { reason, what, attempts }),
            Attempt::Failed(reason, what) if again >= deadline => {
                return Err(GivenUp { reason, what, attempts });
            }
            Attempt::Failed(..) => sleep_until(again).await,
        }
        pause = pause.mul_f64(GROWS_BY).min(LONGEST_PAUSE);
    }
}

async fn post(client: &reqwest::Client, webhook: &Webhook, message: &Message) -> Attempt {
    match client.post(webhook.url.clone()).json(message).send().await {
        Ok(answer) if answer.status().is_success() => Attempt::Taken,
        Ok(answer) => {
            let what = format!("unexpected status code {}", answer.status().as_u16());
            match answer.status() {
                status if status.is_server_error() => Attempt::Failed(Reason::ServerError, what),
                status if status.is_client_error() => Attempt::Refused(Reason::ClientError, what),
                _ => Attempt::Refused(Reason::Other, what),
            }
        }
        // The address is a secret, which has no place in a log.
        Err(error) => Attempt::Failed(Reason::Other, without_address(error)),
    }
}

fn without_address(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        told = format!("{told}: {inner}");
        cause = inner.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::routing::post;
    use http::StatusCode;
    use tokio::net::TcpListener;

    use super::*;
    use crate::alertmanager::message::Subject;
    use crate::alertmanager::{alert, labels::Labels};

    fn message() -> Message {
        let labels = Labels::new();
        let subject = Subject { receiver: "r", group_key: "g", group_labels: &labels, external_url: "" };
        let alert = Arc::new(alert::tests::firing([("alertname", "A")], 0, 99));
        Message::new(&subject, &[alert], 0, alert::tests::at(1))
    }

    /// Answers with these, the last one for ever.
    async fn receiver(answers: &'static [u16]) -> (Webhook, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url =
            format!("http://{}/hook", listener.local_addr().expect("bound")).parse().expect("an address");
        let asked = Arc::new(Mutex::new(0));
        let answer = move || {
            let mut asked = asked.lock().expect("no panic");
            let code = answers[usize::min(*asked, answers.len() - 1)];
            *asked += 1;
            async move { StatusCode::from_u16(code).expect("a status") }
        };
        let serving = axum::serve(listener, Router::new().route("/hook", post(answer)));
        let serving = tokio::spawn(async move { serving.await.expect("serves") });
        (Webhook { url, send_resolved: true, max_alerts: 0, timeout: None }, serving)
    }

    async fn sent(to: &Webhook, patience: Duration) -> (Result<(), GivenUp>, Vec<bool>) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let attempts = Mutex::new(Vec::new());
        let note = |_, succeeded| attempts.lock().expect("no panic").push(succeeded);
        let sent = webhook(&client, to, &message(), patience, note).await;
        (sent, attempts.into_inner().expect("no panic"))
    }

    #[tokio::test]
    async fn a_receiver_that_is_sick_is_asked_again_until_it_takes_it() {
        let (to, _serving) = receiver(&[503, 200]).await;
        let (sent, attempts) = sent(&to, Duration::from_secs(60)).await;
        assert!(sent.is_ok());
        assert_eq!(attempts, [false, true]);
    }

    #[tokio::test]
    async fn a_receiver_that_refuses_is_not_asked_again() {
        let (to, _serving) = receiver(&[400]).await;
        let (sent, attempts) = sent(&to, Duration::from_secs(60)).await;
        let given_up = sent.expect_err("refused");
        assert_eq!((given_up.reason, given_up.attempts, attempts.len()), (Reason::ClientError, 1, 1));
    }

    #[tokio::test]
    async fn when_time_is_up_the_last_reason_is_told_without_the_address() {
        let (to, _serving) = receiver(&[500]).await;
        let given_up = sent(&to, Duration::ZERO).await.0.expect_err("sick");
        assert!(matches!(given_up.reason, Reason::ServerError | Reason::DeadlineExceeded));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/a-secret", listener.local_addr().expect("bound"));
        drop(listener);
        let to = Webhook { url: url.parse().expect("an address"), ..to };
        let given_up = sent(&to, FIRST_PAUSE).await.0.expect_err("nobody there");
        assert_eq!(given_up.reason, Reason::Other);
        assert!(!given_up.what.contains("secret"), "{given_up:?}");
    }

    #[tokio::test]
    async fn a_receiver_that_does_not_answer_is_left_when_time_is_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let to = Webhook {
            url: url.parse().expect("an address"),
            send_resolved: true,
            max_alerts: 0,
            timeout: None,
        };
        let given_up = sent(&to, Duration::from_millis(100)).await.0.expect_err("no answer");
        assert_eq!((given_up.reason, given_up.attempts), (Reason::DeadlineExceeded, 1));
    }
}
