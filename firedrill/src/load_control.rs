//! Speaks to the load generator of the running stack: its state, and a pause for those who need silence.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long a pause lasts when nobody renews it: a command that was killed must not silence the traffic for ever.
const LEASE: Duration = Duration::from_secs(30);
/// A pause ends when nothing is under way any more, so it may take as long as the slowest request.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A client of the control listener.
#[derive(Clone, Debug)]
pub struct LoadControl {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl LoadControl {
    /// For the listener at `base`.
    pub fn new(base: &str, token: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, base: base.to_owned(), token: token.to_owned() })
    }

    /// The generator's state: `scheduled`, `fired`, `failed`, `first_trace_id` and more.
    pub async fn status(&self) -> anyhow::Result<Value> {
        let request = self.http.get(format!("{}/status", self.base)).bearer_auth(&self.token);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// Stops the traffic until the guard is resumed or dropped, and returns when nothing is under way.
    pub async fn pause(&self) -> anyhow::Result<Paused> {
        self.ask_to_pause().await?;
        let stop = CancellationToken::new();
        let (control, stopped) = (self.clone(), stop.clone());
        let renewal = tokio::spawn(async move {
            while stopped.run_until_cancelled(tokio::time::sleep(LEASE / 3)).await.is_some() {
                // A renewal that fails once has two more chances before the lease ends.
                let _ = control.ask_to_pause().await;
            }
        });
        Ok(Paused { control: self.clone(), stop, _renewal: AbortOnDropHandle::new(renewal) })
    }

    async fn ask_to_pause(&self) -> anyhow::Result<()> {
        self.post("/pause", json!({"lease_s": LEASE.as_secs()})).await
    }

    async fn post(&self, path: &str, body: Value) -> anyhow::Result<()> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token).json(&body);
        request.send().await?.error_for_status()?;
        Ok(())
    }
}

/// The traffic is silent as long as this lives; when it is dropped without `resume`, until its lease ends.
#[derive(Debug)]
pub struct Paused {
    control: LoadControl,
    stop: CancellationToken,
    _renewal: AbortOnDropHandle<()>,
}

impl Paused {
    /// Lets the traffic go on.
    pub async fn resume(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.control.post("/resume", json!({})).await
    }
}
