//! The figures of a drill over its time, for the debrief.

use std::time::Duration;

use drills::{debrief::Chart, session::Session};
use query::{Stack, UnixNanos, Window};

/// Title, unit and expression of each.
const CHARTS: [(&str, &str, &str); 3] = [
    (
        "What the slowest tenth of requests took at least",
        "s",
        "max(histogram_quantile(0.9, sum by (le, service) (rate(http_server_request_duration_seconds_bucket[15s]))))",
    ),
    (
        "Calls that failed",
        "a second",
        r#"sum(rate(http_client_request_duration_seconds_count{status=~"5..|error|timeout"}[15s])) or vector(0)"#,
    ),
    (
        "Orders that were placed",
        "a second",
        r#"sum(rate(orders_total{outcome="confirmed"}[15s])) or vector(0)"#,
    ),
];
/// The most points of one.
const POINTS: u64 = 240;

/// The charts of a session's time; without those that nobody can be asked for any more.
pub(super) async fn charts(stack: &Stack, session: &Session) -> Vec<Chart> {
    let at = |ms: u64| UnixNanos::from_micros(ms * 1_000);
    let end = session.ended_ms.map_or_else(UnixNanos::now, at);
    let window = Window { start: at(session.started_ms), end };
    let seconds = session.ended_ms.unwrap_or(session.started_ms).saturating_sub(session.started_ms) / 1_000;
    let step = Duration::from_secs((seconds / POINTS).max(1));
    let mut charts = Vec::new();
    for (title, unit, expression) in CHARTS {
        let Ok(answer) = stack.prometheus.range(expression, window, step).await else { continue };
        let Some(series) = answer.data.into_series().into_iter().next() else { continue };
        let since_start = |time: UnixNanos| (time.0 - window.start.0) as f64 / 1e9;
        let points = series.points.iter().map(|point| (since_start(point.time), point.value)).collect();
        charts.push(Chart { title: title.to_owned(), unit: unit.to_owned(), points });
    }
    charts
}
