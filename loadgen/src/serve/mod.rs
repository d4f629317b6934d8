//! Endless traffic beside a running shop, with a small control listener: status, pause with a lease, resume, endpoints, metrics.
//! A pause is what lets an audit count its own requests and nothing else.

mod control;

use crate::client::Targets;
use crate::meter::Meter;
use crate::plan::Plan;
use crate::report::Report;
use crate::run::{Options, Run};
use control::Control;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long an open connection of the control listener may hold up the end.
const CLOSING: Duration = Duration::from_secs(2);

/// What to serve.
#[derive(Debug)]
pub struct ServeConfig {
    /// The traffic; usually without an end.
    pub plan: Arc<Plan>,
    /// Where it goes.
    pub targets: Targets,
    /// How it is sent.
    pub options: Options,
    /// Bearer token of everything but `/metrics`.
    pub token: String,
    /// The process's own metrics, shown on `/metrics` too.
    pub process: Option<telemetry::Metrics>,
}

/// Sends traffic until the plan ends or `shutdown` resolves, and answers on `listener` meanwhile. Returns what was
/// measured.
///
/// # Errors
/// When a thread cannot be had or the listener fails.
pub async fn serve(
    listener: TcpListener,
    config: ServeConfig,
    shutdown: impl Future<Output = ()> + Send,
) -> anyhow::Result<Report> {
    let first = Arc::new(control::FirstOrder::default());
    let observer = {
        let first = Arc::clone(&first);
        Arc::new(move |kind: &_, answer: &_| first.look(kind, answer))
    };
    let (plan_digest, endpoints) = (config.plan.digest(), config.targets.endpoints());
    let meter = config.options.meter.clone().unwrap_or_else(|| Arc::new(Meter::default()));
    let options = Options { meter: Some(Arc::clone(&meter)), ..config.options };
    let run = Run::open(config.plan, &config.targets, options, observer)?;
    let shared = Arc::clone(&run.shared);
    let (token, process) = (&config.token, config.process);
    let control = Control::new(shared, meter, first, token, plan_digest, process, endpoints);
    let control = Arc::new(control);
    let (over, ended) = tokio::sync::oneshot::channel::<()>();
    let app = control::routes(Arc::clone(&control));
    let mut server = tokio::spawn(async move {
        let closing = async move {
            // Also when the sender is dropped on an error: then too the listener closes.
            let _ = ended.await;
        };
        axum::serve(listener, app).with_graceful_shutdown(closing).await
    });
    let report = run.finish(|snapshot| control.update(snapshot), shutdown).await;
    drop(over);
    match tokio::time::timeout(CLOSING, &mut server).await {
        Ok(served) => served??,
        Err(_) => server.abort(),
    }
    report
}
