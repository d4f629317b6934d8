//! Looks up what somebody names as evidence, and decides from the traces alone whether it is.

use std::time::Duration;

use drills::{evidence::accepted, scenario::Scenario, session::Session};
use query::{Stack, TraceId, UnixNanos, Window, trace};

use crate::{failure::Failure, stack};

/// How much earlier than the onset a request may have begun that was hurt by it.
const UNDER_WAY_MS: u64 = 1_000;

/// Whether a trace, or one of a correlation id, shows it. Fails when there is none: that is no answer.
pub(super) async fn shows(
    stack: &Stack,
    scenario: &Scenario,
    session: &Session,
    id: &str,
) -> Result<bool, Failure> {
    let since = session.onset_ms.unwrap_or(session.started_ms).saturating_sub(UNDER_WAY_MS);
    for id in ids(stack, id, since).await? {
        let trace = match stack.jaeger.trace(id).await {
            Ok(trace) => trace,
            Err(e) if e.is_not_found() => return Err(none(&id.to_string())),
            Err(e) => return Err(stack::failed(&e)),
        };
        let tree = trace::assemble(trace, Vec::new());
        if tree.start_us / 1_000 >= since && accepted(&scenario.evidence, &tree) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn ids(stack: &Stack, id: &str, since_ms: u64) -> Result<Vec<TraceId>, Failure> {
    if let Ok(trace) = id.parse::<TraceId>() {
        return Ok(vec![trace]);
    }
    let start = UnixNanos::from_micros(since_ms * 1_000).before(Duration::from_secs(60));
    let window = Window { start, end: UnixNanos::now() };
    let found = trace::find_by_correlation(&stack.jaeger, &stack.loki, id, window).await;
    let ids = found.map_err(|e| stack::failed(&e))?;
    if ids.is_empty() { Err(none(id)) } else { Ok(ids) }
}

fn none(id: &str) -> Failure {
    let id: String = id.chars().take(80).collect();
    Failure::arguments(format!(
        "there is no trace {id:?}, and none of that correlation id since the trouble began; nothing was answered"
    ))
}
