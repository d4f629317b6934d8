//! Recorded series begin with the first evaluation of their rules, which is up to a minute after the start of a stack. Whoever
//! looks earlier would find panels empty that are not.

use std::time::Duration;

use query::{Stack, prometheus::Data};
use tokio::time::{Instant, sleep};

/// Groups of rules that have not been evaluated.
const NOT_YET: &str = "prometheus_rule_group_last_evaluation_timestamp_seconds < 1";
/// The interval of the slowest group of ours, and some time to be scraped.
const PATIENCE: Duration = Duration::from_secs(65);
const AGAIN: Duration = Duration::from_millis(500);

/// Waits until all groups of rules have been evaluated once, as long as that is worth it.
pub(super) async fn evaluated_once(stack: &Stack) {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match stack.prometheus.instant(NOT_YET, None).await.map(|answer| answer.data) {
            Ok(Data::Vector(groups)) if !groups.is_empty() => sleep(AGAIN).await,
            // Whoever does not answer is told of by the questions that follow.
            _ => return,
        }
    }
}
