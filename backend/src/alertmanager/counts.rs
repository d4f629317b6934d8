//! What an Alertmanager says of itself, under Alertmanager's own names.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use super::decide::Core;
use super::silences::State;

/// Why a notification failed, in Alertmanager's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Other,
    ClientError,
    ServerError,
    DeadlineExceeded,
}

const REASONS: [(Reason, &str); 4] = [
    (Reason::Other, "other"),
    (Reason::ClientError, "clientError"),
    (Reason::ServerError, "serverError"),
    (Reason::DeadlineExceeded, "contextDeadlineExceeded"),
];

/// The bounds of the latency's buckets, in seconds.
const BUCKETS: [u64; 5] = [1, 5, 10, 15, 20];

/// What one kind of channel did.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    notifications: u64,
    failed: [u64; REASONS.len()],
    requests: u64,
    requests_failed: u64,
    latency: [u64; BUCKETS.len()],
    latency_sum: Duration,
}

impl Channel {
    /// A notification begins.
    pub(crate) fn begin(&mut self) {
        self.notifications += 1;
    }

    /// One attempt is over.
    pub(crate) fn attempted(&mut self, took: Duration, succeeded: bool) {
        self.requests += 1;
        self.requests_failed += u64::from(!succeeded);
        self.latency_sum += took;
        for (count, bound) in self.latency.iter_mut().zip(BUCKETS) {
            *count += u64::from(took <= Duration::from_secs(bound));
        }
    }

    /// It was given up.
    pub(crate) fn failed(&mut self, reason: Reason) {
        for (count, (known, _)) in self.failed.iter_mut().zip(REASONS) {
            *count += u64::from(known == reason);
        }
    }
}

/// All that is counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) received_firing: u64,
    pub(crate) received_resolved: u64,
    pub(crate) invalid: u64,
    pub(crate) limited: u64,
    pub(crate) groups_limited: u64,
    pub(crate) suppressed_by_inhibition: u64,
    pub(crate) suppressed_by_silence: u64,
    pub(crate) terminal: Channel,
    pub(crate) webhook: Channel,
    /// Since when the last reading of the configuration has failed.
    pub(crate) reload_failed: bool,
    pub(crate) reloaded_at: Option<Timestamp>,
    /// Writes of silences and notifications to disk, and those that the disk refused.
    pub(crate) snapshots: u64,
    pub(crate) snapshots_failed: u64,
}

/// The text exposition format.
pub(crate) fn render(core: &Core, now: Timestamp) -> String {
    let counts = &core.counts;
    let mut page = Page::default();
    page.gauge("build_info", "Which program this is.", &[(BUILD, 1)]);
    let firing = core.firing(now);
    let states = firing.iter().map(|(state, n)| (format!("{{state=\"{state}\"}}"), *n as u64)).collect();
    page.family("alerts", "gauge", "How many alerts by state.", states);
    let state =
        |state: State| core.silences.iter().filter(|silence| silence.state(now) == state).count() as u64;
    let states = [State::Active, State::Pending, State::Expired];
    let states = states.map(|s| (format!("{{state=\"{}\"}}", s.name()), state(s))).to_vec();
    page.family("silences", "gauge", "How many silences by state.", states);
    page.counter(
        "alerts_received_total",
        "The total number of received alerts.",
        &[
            ("{status=\"firing\",version=\"v2\"}", counts.received_firing),
            ("{status=\"resolved\",version=\"v2\"}", counts.received_resolved),
        ],
    );
    page.counter(
        "alerts_invalid_total",
        "The total number of received alerts that were invalid.",
        &[("{version=\"v2\"}", counts.invalid)],
    );
    page.counter("alerts_limited_total", "Alerts for which there was no room.", &[("", counts.limited)]);
    let groups = core.groups.len() as u64;
    page.gauge("dispatcher_aggregation_groups", "Number of active aggregation groups.", &[("", groups)]);
    page.counter(
        "dispatcher_aggregation_group_limit_reached_total",
        "Alerts that no group was made for, as there were too many.",
        &[("", counts.groups_limited)],
    );
    page.counter(
        "notifications_suppressed_total",
        "The total number of notifications suppressed for being silenced or inhibited.",
        &[
            ("{reason=\"inhibition\"}", counts.suppressed_by_inhibition),
            ("{reason=\"silence\"}", counts.suppressed_by_silence),
        ],
    );
    page.channels(&[("terminal", &counts.terminal), ("webhook", &counts.webhook)]);
    page.gauge(
        "receivers",
        "Receivers that a route leads to.",
        &[("", core.routes.receivers().len() as u64)],
    );
    let integrations: usize =
        core.routes.receivers().iter().map(|name| core.config.integrations(name).len()).sum();
    page.gauge("integrations", "Channels of these receivers.", &[("", integrations as u64)]);
    page.gauge("inhibition_rules", "Rules of inhibition.", &[("", core.inhibitor.len() as u64)]);
    page.gauge(
        "config_last_reload_successful",
        "Whether the last configuration reload attempt was successful.",
        &[("", u64::from(!counts.reload_failed))],
    );
    let at = counts.reloaded_at.map_or(0, |at| u64::try_from(at.as_second()).unwrap_or(0));
    page.gauge(
        "config_last_reload_success_timestamp_seconds",
        "When the configuration was last read successfully.",
        &[("", at)],
    );
    // Silences and notifications lie in one file here; both names say what became of it.
    for (part, what) in [("nflog", "notification log"), ("silences", "silences")] {
        let written = format!("Writes of the {what} to disk.");
        page.counter(&format!("{part}_maintenance_total"), &written, &[("", counts.snapshots)]);
        let refused = format!("Writes of the {what} that the disk refused.");
        page.counter(&format!("{part}_maintenance_errors_total"), &refused, &[("", counts.snapshots_failed)]);
    }
    page.0
}

const BUILD: &str = concat!("{branch=\"embedded\",version=\"firedrill-", env!("CARGO_PKG_VERSION"), "\"}");

/// The page that is being written.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str, rows: Vec<(String, u64)>) {
        let _ = writeln!(self.0, "# HELP alertmanager_{name} {help}\n# TYPE alertmanager_{name} {kind}");
        for (labels, value) in rows {
            let _ = writeln!(self.0, "alertmanager_{name}{labels} {value}");
        }
    }

    fn counter(&mut self, name: &str, help: &str, rows: &[(&str, u64)]) {
        self.family(name, "counter", help, owned(rows));
    }

    fn gauge(&mut self, name: &str, help: &str, rows: &[(&str, u64)]) {
        self.family(name, "gauge", help, owned(rows));
    }

    fn channels(&mut self, channels: &[(&str, &Channel)]) {
        let by_name = |of: fn(&Channel) -> u64| -> Vec<(String, u64)> {
            channels.iter().map(|(name, c)| (format!("{{integration=\"{name}\"}}"), of(c))).collect()
        };
        let total = by_name(|c| c.notifications);
        self.family("notifications_total", "counter", "The total number of attempted notifications.", total);
        let failed = channels.iter().flat_map(|(name, channel)| {
            let rows = channel.failed.iter().zip(REASONS);
            rows.map(move |(n, (_, word))| (format!("{{integration=\"{name}\",reason=\"{word}\"}}"), *n))
        });
        let failed = failed.collect();
        self.family(
            "notifications_failed_total",
            "counter",
            "The total number of failed notifications.",
            failed,
        );
        let requests = by_name(|c| c.requests);
        let what = "The total number of attempted notification requests.";
        self.family("notification_requests_total", "counter", what, requests);
        let requests = by_name(|c| c.requests_failed);
        let what = "The total number of failed notification requests.";
        self.family("notification_requests_failed_total", "counter", what, requests);
        self.family(
            "notification_latency_seconds",
            "histogram",
            "The latency of notifications in seconds.",
            Vec::new(),
        );
        for (name, channel) in channels {
            let prefix = "alertmanager_notification_latency_seconds";
            for (bound, count) in BUCKETS.iter().zip(channel.latency) {
                let _ = writeln!(self.0, "{prefix}_bucket{{integration=\"{name}\",le=\"{bound}\"}} {count}");
            }
            let (count, sum) = (channel.requests, channel.latency_sum.as_secs_f64());
            let _ = writeln!(self.0, "{prefix}_bucket{{integration=\"{name}\",le=\"+Inf\"}} {count}");
            let _ = writeln!(self.0, "{prefix}_sum{{integration=\"{name}\"}} {sum}");
            let _ = writeln!(self.0, "{prefix}_count{{integration=\"{name}\"}} {count}");
        }
    }
}

fn owned(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter().map(|(labels, value)| ((*labels).to_owned(), *value)).collect()
}
