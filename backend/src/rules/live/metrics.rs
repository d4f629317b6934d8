//! Counts of groups and of what Alertmanagers were told, under Prometheus' names, as text.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::notify::{QUEUE, Receiver};
use super::{Rules, Running};

/// A label's value as the text format has it.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP prometheus_{name} {help}\n# TYPE prometheus_{name} {kind}");
}

fn seconds(us: &AtomicU64) -> f64 {
    us.load(Relaxed) as f64 / 1e6
}

impl Rules {
    /// The text exposition format.
    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        let groups = self.groups();
        let mut each = |name: &str, kind: &str, help: &str, value: &dyn Fn(&Running) -> f64| {
            head(&mut out, name, kind, help);
            for group in &groups {
                let _ =
                    writeln!(out, "prometheus_{name}{{rule_group={}}} {}", quoted(&group.key), value(group));
            }
        };
        let count = |c: &AtomicU64| c.load(Relaxed) as f64;
        each("rule_evaluations_total", "counter", "The total number of rule evaluations.", &|g| {
            count(&g.counters.evaluations)
        });
        each(
            "rule_evaluation_failures_total",
            "counter",
            "The total number of rule evaluation failures.",
            &|g| count(&g.counters.failures),
        );
        each(
            "rule_group_iterations_total",
            "counter",
            "The total number of scheduled rule group evaluations, whether executed or missed.",
            &|g| count(&g.counters.iterations),
        );
        each(
            "rule_group_iterations_missed_total",
            "counter",
            "The total number of rule group evaluations missed due to slow rule group evaluation.",
            &|g| count(&g.counters.missed),
        );
        each("rule_group_interval_seconds", "gauge", "The interval of a rule group.", &|g| {
            g.interval.as_secs_f64()
        });
        each(
            "rule_group_last_evaluation_timestamp_seconds",
            "gauge",
            "The timestamp of the last rule group evaluation in seconds.",
            &|g| g.shown().meant_for_ms as f64 / 1000.0,
        );
        each(
            "rule_group_last_duration_seconds",
            "gauge",
            "The duration of the last rule group evaluation.",
            &|g| g.shown().took.as_secs_f64(),
        );
        each(
            "rule_group_last_rule_duration_sum_seconds",
            "gauge",
            "The sum of time in seconds it took to evaluate each rule in the group.",
            &|g| g.shown().rules.iter().map(|rule| rule.took.as_secs_f64()).sum(),
        );
        each(
            "rule_group_last_restore_duration_seconds",
            "gauge",
            "The duration of the last restoration of alerts from the ALERTS_FOR_STATE series.",
            &|g| seconds(&g.counters.restore_us),
        );
        each("rule_group_rules", "gauge", "The number of rules.", &|g| g.definition.rules.len() as f64);
        each(
            "rule_group_last_evaluation_samples",
            "gauge",
            "The number of samples returned during the last rule group evaluation.",
            &|g| count(&g.counters.samples),
        );
        let total = |of: fn(&Running) -> &AtomicU64| groups.iter().map(|g| of(g).load(Relaxed)).sum::<u64>();
        for (name, help, us, n) in [
            (
                "rule_evaluation_duration_seconds",
                "The duration for a rule to execute.",
                total(|g| &g.counters.rules_us),
                total(|g| &g.counters.evaluations),
            ),
            (
                "rule_group_duration_seconds",
                "The duration of rule group evaluations.",
                total(|g| &g.counters.groups_us),
                total(|g| &g.counters.groups),
            ),
        ] {
            head(&mut out, name, "summary", help);
            let _ = writeln!(out, "prometheus_{name}_sum {}\nprometheus_{name}_count {n}", us as f64 / 1e6);
        }
        for (name, help, value) in [
            (
                "config_last_reload_successful",
                "Whether the last configuration reload attempt was successful.",
                count(&self.loaded),
            ),
            (
                "config_last_reload_success_timestamp_seconds",
                "Timestamp of the last successful configuration reload.",
                self.loaded_at_ms.load(Relaxed) as f64 / 1000.0,
            ),
            (
                "notifications_alertmanagers_discovered",
                "The number of alertmanagers discovered and active.",
                self.receivers.len() as f64,
            ),
            ("notifications_queue_capacity", "The capacity of the alert notifications queue.", QUEUE as f64),
        ] {
            head(&mut out, name, "gauge", help);
            let _ = writeln!(out, "prometheus_{name} {value}");
        }
        self.render_receivers(&mut out);
        out
    }

    fn render_receivers(&self, out: &mut String) {
        let mut each = |name: &str, kind: &str, help: &str, value: fn(&Receiver) -> f64| {
            head(out, name, kind, help);
            for receiver in &self.receivers {
                let url = quoted(&receiver.url);
                let _ = writeln!(out, "prometheus_{name}{{alertmanager={url}}} {}", value(receiver));
            }
        };
        each("notifications_sent_total", "counter", "Total number of alerts sent.", |r| {
            r.sent.load(Relaxed) as f64
        });
        each(
            "notifications_errors_total",
            "counter",
            "Total number of sent alerts affected by errors.",
            |r| r.errors.load(Relaxed) as f64,
        );
        each(
            "notifications_dropped_total",
            "counter",
            "Total number of alerts dropped due to errors when sending to Alertmanager.",
            |r| r.dropped.load(Relaxed) as f64,
        );
        each("notifications_queue_length", "gauge", "The number of alert notifications in the queue.", |r| {
            r.waiting() as f64
        });
        head(out, "notifications_latency_seconds", "summary", "Latency for sending alert notifications.");
        for receiver in &self.receivers {
            let url = quoted(&receiver.url);
            let (spent, count) = (seconds(&receiver.spent_us), receiver.requests.load(Relaxed));
            let _ =
                writeln!(out, "prometheus_notifications_latency_seconds_sum{{alertmanager={url}}} {spent}");
            let _ =
                writeln!(out, "prometheus_notifications_latency_seconds_count{{alertmanager={url}}} {count}");
        }
    }
}
