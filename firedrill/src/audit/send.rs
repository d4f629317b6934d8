//! Sends the audit's requests, as the load generator would, and keeps the ledger.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http::Method;
use loadgen::{
    client::{self, CORRELATION_HEADER, Call, Ids, RunId},
    plan::journeys::Service,
};

use super::{ledger::Entry, story};
use crate::{
    failure::Failure,
    run_file::RunFile,
    sender::{
        targets::{self, Followed},
        telemetry,
    },
};

/// Longest wait for one answer: longer than the services' own time limits, so that their answer is what counts.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Sends, with a root span of its own for each request.
#[derive(Debug)]
pub struct Sender {
    services: Followed,
    telemetry: ::telemetry::Telemetry,
}

impl Sender {
    /// For the services of the running stack; its spans go where theirs go.
    pub async fn new(run: &RunFile) -> Result<Self, Failure> {
        let services = targets::follow(run).await?;
        let telemetry = telemetry::start(run)?;
        Ok(Self { services, telemetry })
    }

    /// Sends the first `requests` requests of a seed, `concurrency` at a time.
    pub async fn send(&self, requests: u32, seed: u64, concurrency: usize) -> Vec<Entry> {
        let run = RunId::fresh();
        let sender = client::Sender::new(self.services.targets.clone(), TIMEOUT, Ids::new(seed, run));
        let sender = &sender;
        let entries = stream::iter(0..requests).map(|index| async move {
            let request = story::request(seed, index);
            let correlation_id = format!("audit-{run}-{index}");
            let answer = sender.send(&call(&request, index), &correlation_id).await;
            let echoed =
                answer.headers.get(CORRELATION_HEADER).and_then(|v| v.to_str().ok()).map(str::to_owned);
            Entry {
                request,
                correlation_id,
                trace_id: answer.trace_id.to_string(),
                status: answer.status(),
                echoed,
            }
        });
        entries.buffered(concurrency).collect().await
    }

    /// Exports what is still on its way. The audit's own questions need the root spans.
    pub async fn finish(self) {
        self.telemetry.shutdown().await;
    }
}

fn call(request: &story::Request, index: u32) -> Call {
    let service = match request.service {
        "user-service" => Service::User,
        "product-service" => Service::Product,
        _ => Service::Order,
    };
    let method = if request.method == "POST" { Method::POST } else { Method::GET };
    let mut call = Call::new(service, method, request.route, request.path.clone(), u64::from(index));
    call.journey = "audit";
    match &request.body {
        Some(body) => call.json(body.clone()),
        None => call,
    }
}
