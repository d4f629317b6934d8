//! The macros of time: `$__interval`, `$__rate_interval`, `$__range` and their relatives, for one target of one panel.

use std::time::Duration;

use query::Window;

use super::interval::{coarse, exact, parse, round};

/// Points of a panel that does not say how many: about what half a screen has in pixels.
const POINTS: f64 = 600.0;
/// Prometheus refuses more steps than this in one answer; Grafana stays below.
const MOST_STEPS: u32 = 11_000;

/// What determines the step of a query.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// The smallest step that the panel allows.
    pub panel_interval: Option<&'a str>,
    /// How many points it draws.
    pub max_data_points: Option<f64>,
    /// The smallest step that the target allows.
    pub target_interval: Option<&'a str>,
    /// By how much the target stretches it.
    pub factor: Option<u32>,
    /// How often the data source has new samples, as it is provisioned.
    pub scrape: Option<&'a str>,
}

/// The times that stand for the macros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// From when to when.
    pub window: Window,
    /// Between two points: `$__interval`.
    pub step: Duration,
    /// Long enough for a rate at every point: `$__rate_interval`.
    pub rate_interval: Duration,
}

impl Timing {
    /// As Grafana's browser part and then its Prometheus plugin determine them.
    pub fn of(window: Window, given: &Given<'_>) -> Self {
        let range = length(window);
        let points = given.max_data_points.filter(|p| *p >= 1.0).unwrap_or(POINTS);
        let scrape = given.scrape.and_then(parse).unwrap_or(Duration::from_secs(15));
        // The browser: never finer than the panel (or, where it says nothing, the data source) allows.
        let lowest = given.panel_interval.and_then(parse).unwrap_or(scrape);
        let interval = round(range.div_f64(points)).max(lowest);
        // The plugin: never finer than the target allows, and never more steps than the server gives.
        let least = given.target_interval.and_then(parse);
        let safe = round(range / MOST_STEPS);
        let step = interval.max(least.unwrap_or(Duration::ZERO)).max(safe) * given.factor.unwrap_or(1).max(1);
        let sampled = least.unwrap_or(scrape);
        Self { window, step, rate_interval: (interval + sampled).max(sampled * 4) }
    }

    /// Replaces the macros of a PromQL or LogQL text. A longer name goes before one that begins it.
    pub fn apply(&self, text: &str) -> String {
        let range = length(self.window);
        let seconds = range.as_secs_f64().round();
        let millis = |nanos: i64| (nanos.max(0) / 1_000_000).to_string();
        let macros = [
            ("__rate_interval_ms", self.rate_interval.as_millis().to_string()),
            ("__rate_interval", exact(self.rate_interval)),
            ("__interval_ms", self.step.as_millis().to_string()),
            ("__interval", coarse(self.step)),
            ("__range_ms", range.as_millis().to_string()),
            ("__range_s", seconds.to_string()),
            ("__range", format!("{seconds}s")),
            ("__auto", coarse(self.step)),
            ("__from", millis(self.window.start.0)),
            ("__to", millis(self.window.end.0)),
        ];
        let mut out = text.to_owned();
        for (name, value) in macros {
            out = out.replace(&format!("${{{name}}}"), &value);
            out = out.replace(&format!("${name}"), &value);
        }
        out
    }

    /// The same for a target that is asked at one moment: there `$__auto` is the whole range.
    pub fn apply_instant(&self, text: &str) -> String {
        self.apply(&text.replace("${__auto}", "$__range").replace("$__auto", "$__range"))
    }
}

fn length(window: Window) -> Duration {
    Duration::from_nanos(u64::try_from(window.end.0.saturating_sub(window.start.0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use query::UnixNanos;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn window(seconds: i64) -> Window {
        Window { start: UnixNanos(1_000 * SECOND), end: UnixNanos((1_000 + seconds) * SECOND) }
    }

    #[test]
    fn a_rate_interval_covers_four_scrapes_or_one_step_and_a_scrape() {
        let given = Given { scrape: Some("15s"), ..Given::default() };
        // 5 minutes over 600 points are half a second; the data source has a sample each 15.
        let timing = Timing::of(window(300), &given);
        assert_eq!((timing.step.as_secs(), timing.rate_interval.as_secs()), (15, 60));
        // A day over 600 points: the step is larger than four scrapes.
        let timing = Timing::of(window(86_400), &given);
        assert_eq!((timing.step.as_secs(), timing.rate_interval.as_secs()), (120, 135));
    }

    #[test]
    fn a_panel_that_asks_for_15_seconds_on_a_scrape_of_one_gets_16() {
        let given = Given { scrape: Some("1s"), panel_interval: Some("15s"), ..Given::default() };
        let timing = Timing::of(window(300), &given);
        assert_eq!(timing.apply("rate(x[$__rate_interval]) $__interval"), "rate(x[16s]) 15s");
        let given = Given { target_interval: Some("30s"), factor: Some(2), ..given };
        let timing = Timing::of(window(300), &given);
        assert_eq!((timing.step.as_secs(), timing.rate_interval.as_secs()), (60, 120));
    }

    #[test]
    fn no_name_is_taken_for_a_shorter_one_that_begins_it() {
        let given = Given { scrape: Some("1s"), max_data_points: Some(100.0), ..Given::default() };
        let timing = Timing::of(window(300), &given);
        let text = "$__interval_ms $__interval ${__interval} $__range_s $__range_ms $__range $__from ${__to} $__rate_interval";
        assert_eq!(timing.apply(text), "2000 2s 2s 300 300000 300s 1000000 1300000 4s");
    }

    #[test]
    fn auto_is_the_step_over_a_range_and_the_range_at_one_moment() {
        let timing = Timing::of(window(300), &Given { panel_interval: Some("10s"), ..Given::default() });
        assert_eq!(timing.apply("rate({a=\"b\"}[$__auto])"), "rate({a=\"b\"}[10s])");
        assert_eq!(
            timing.apply_instant("count_over_time({a=\"b\"}[$__auto])"),
            "count_over_time({a=\"b\"}[300s])"
        );
    }
}
