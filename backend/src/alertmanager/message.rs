//! A notification: what a webhook is sent (version 4 of Alertmanager's message), and the line that a terminal shows.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::alert::Alert;
use super::labels::{self, Labels};

/// What Go writes for a time that is none.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// The message.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    receiver: String,
    status: &'static str,
    alerts: Vec<Told>,
    group_labels: Labels,
    common_labels: Labels,
    common_annotations: Labels,
    #[serde(rename = "externalURL")]
    external_url: String,
    version: &'static str,
    group_key: String,
    truncated_alerts: usize,
}

/// One alert of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    status: &'static str,
    labels: Labels,
    annotations: Labels,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

/// What a message is about, beside its alerts.
#[derive(Clone, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) receiver: &'a str,
    pub(crate) group_key: &'a str,
    pub(crate) group_labels: &'a Labels,
    pub(crate) external_url: &'a str,
}

impl Message {
    /// Of these alerts, of which those beyond `max_alerts` are only counted; zero is no bound.
    pub(crate) fn new(
        subject: &Subject<'_>,
        alerts: &[Arc<Alert>],
        max_alerts: usize,
        now: Timestamp,
    ) -> Self {
        let most = if max_alerts == 0 { alerts.len() } else { max_alerts.min(alerts.len()) };
        let (shown, truncated) = alerts.split_at(most);
        let word = |resolved: bool| if resolved { "resolved" } else { "firing" };
        let told = |alert: &Arc<Alert>| Told {
            status: word(alert.resolved_at(now)),
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at: alert.starts_at.to_string(),
            ends_at: if alert.resolved_at(now) { alert.ends_at.to_string() } else { NO_TIME.to_owned() },
            generator_url: alert.generator_url.clone(),
            fingerprint: alert.fingerprint().to_string(),
        };
        Self {
            receiver: quote_meta(subject.receiver),
            status: word(shown.iter().all(|alert| alert.resolved_at(now))),
            alerts: shown.iter().map(told).collect(),
            group_labels: subject.group_labels.clone(),
            common_labels: in_all(shown.iter().map(|alert| &alert.labels)),
            common_annotations: in_all(shown.iter().map(|alert| &alert.annotations)),
            external_url: subject.external_url.to_owned(),
            version: "4",
            group_key: subject.group_key.to_owned(),
            truncated_alerts: truncated.len(),
        }
    }

    /// One line for a person: firing or resolved, how bad, which alerts, of which objective, what it means, what to do.
    pub(crate) fn line(&self) -> String {
        let severities = self.values(|alert| labels::value(&alert.labels, "severity"));
        let names = self.values(|alert| labels::value(&alert.labels, "alertname"));
        let objectives = self.values(|alert| labels::value(&alert.labels, "slo"));
        let summaries = self.values(|alert| labels::value(&alert.annotations, "summary"));
        let runbooks = self.values(|alert| labels::value(&alert.annotations, "runbook_url"));
        let mut line = format!("Alert {}", self.status);
        if !severities.is_empty() {
            line += &format!(" [{severities}]");
        }
        line += if names.is_empty() { " without a name" } else { " " };
        line += &names;
        if self.alerts.len() > 1 || self.truncated_alerts > 0 {
            line += &format!(" ({} alerts)", self.alerts.len() + self.truncated_alerts);
        }
        if !objectives.is_empty() {
            line += &format!(", slo {objectives}");
        }
        if !summaries.is_empty() {
            line += &format!(": {summaries}");
        }
        if !runbooks.is_empty() && self.status == "firing" {
            line += &format!("; see {runbooks}");
        }
        printable(&line)
    }

    /// The different values of what the message is about: of what fires, unless all is over.
    fn values<'a>(&'a self, of: impl Fn(&'a Told) -> &'a str) -> String {
        let told = self.alerts.iter().filter(|alert| alert.status == self.status);
        let values: BTreeSet<&str> = told.map(of).filter(|value| !value.is_empty()).collect();
        let more = values.len().saturating_sub(MOST_SHOWN);
        let mut shown: Vec<String> = values.into_iter().take(MOST_SHOWN).map(str::to_owned).collect();
        if more > 0 {
            shown.push(format!("{more} more"));
        }
        shown.join(", ")
    }
}

/// How many different values one line shows, and how many characters it has.
const MOST_SHOWN: usize = 3;
const LONGEST_LINE: usize = 400;

/// Without what would move a terminal's cursor or colour it: alerts come from the network.
fn printable(line: &str) -> String {
    let mut printable: String =
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_LINE).collect();
    if line.chars().nth(LONGEST_LINE).is_some() {
        printable.push('…');
    }
    printable
}

/// The pairs that stand in all sets.
fn in_all<'a>(mut sets: impl Iterator<Item = &'a Labels>) -> Labels {
    let mut common = sets.next().cloned().unwrap_or_default();
    for set in sets {
        common.retain(|name, value| set.get(name) == Some(value));
    }
    common
}

/// As Go's `regexp.QuoteMeta`: Alertmanager's message has the receiver's name as a regex.
fn quote_meta(text: &str) -> String {
    text.chars().flat_map(|c| "\\.+*?()|[]{}^$".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::alertmanager::alert::tests::{at, firing};

    fn annotated(mut alert: Alert, summary: &str) -> Arc<Alert> {
        alert.annotations = labels::of([("summary", summary), ("runbook_url", "http://r/Slow")]);
        Arc::new(alert)
    }

    fn message(alerts: &[Arc<Alert>], max_alerts: usize) -> Message {
        let group_labels = labels::of([("service", "a")]);
        let subject = Subject {
            receiver: "a.b",
            group_key: "{}:{service=\"a\"}",
            group_labels: &group_labels,
            external_url: "http://127.0.0.1:9093",
        };
        Message::new(&subject, alerts, max_alerts, at(50))
    }

    fn two() -> [Arc<Alert>; 2] {
        [
            annotated(
                firing([("alertname", "Slow"), ("service", "a"), ("severity", "page")], 0, 99),
                "It is slow.",
            ),
            annotated(
                firing([("alertname", "Wrong"), ("service", "a"), ("severity", "page")], 0, 20),
                "It is slow.",
            ),
        ]
    }

    #[test]
    fn the_message_is_alertmanagers() {
        let written = serde_json::to_value(message(&two(), 0)).expect("JSON");
        assert_eq!(written["status"], "firing");
        assert_eq!(written["receiver"], "a\\.b");
        assert_eq!(written["groupLabels"], json!({"service": "a"}));
        assert_eq!(written["commonLabels"], json!({"service": "a", "severity": "page"}));
        assert_eq!(
            written["commonAnnotations"],
            json!({"summary": "It is slow.", "runbook_url": "http://r/Slow"})
        );
        assert_eq!((&written["version"], &written["truncatedAlerts"]), (&json!("4"), &json!(0)));
        assert_eq!(written["alerts"][0]["endsAt"], NO_TIME);
        assert_eq!(written["alerts"][1]["endsAt"], at(20).to_string());
        assert_eq!(written["alerts"][1]["status"], "resolved");
        let keys: Vec<&String> = written.as_object().expect("an object").keys().collect();
        let wanted = [
            "alerts",
            "commonAnnotations",
            "commonLabels",
            "externalURL",
            "groupKey",
            "groupLabels",
            "receiver",
            "status",
            "truncatedAlerts",
            "version",
        ];
        assert!(
            wanted.iter().all(|key| keys.iter().any(|k| k == key)) && keys.len() == wanted.len(),
            "{keys:?}"
        );
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let written = serde_json::to_value(message(&two(), 1)).expect("JSON");
        assert_eq!(written["alerts"].as_array().map(Vec::len), Some(1));
        assert_eq!(written["truncatedAlerts"], 1);
        assert_eq!(written["commonLabels"]["alertname"], "Slow");
    }

    #[test]
    fn a_person_reads_what_it_is_how_bad_and_where_to_look() {
        let [slow, over] = two();
        assert_eq!(
            message(std::slice::from_ref(&slow), 0).line(),
            "Alert firing [page] Slow: It is slow.; see http://r/Slow"
        );
        assert_eq!(
            message(&[slow, Arc::clone(&over)], 0).line(),
            "Alert firing [page] Slow (2 alerts): It is slow.; see http://r/Slow"
        );
        assert_eq!(message(&[over], 0).line(), "Alert resolved [page] Wrong: It is slow.");
        let objective = firing([("alertname", "Burn"), ("slo", "orders")], 0, 99);
        assert_eq!(message(&[Arc::new(objective)], 0).line(), "Alert firing Burn, slo orders");
    }

    #[test]
    fn a_line_holds_no_control_characters_and_is_bounded() {
        let line =
            message(&[annotated(firing([("alertname", "A")], 0, 99), "\u{1b}[31mred\nline")], 0).line();
        assert!(!line.contains(char::is_control), "{line:?}");
        let line = message(&[annotated(firing([("alertname", "A")], 0, 99), &"x".repeat(1000))], 0).line();
        assert_eq!(line.chars().count(), LONGEST_LINE + 1);
        let many: Vec<Arc<Alert>> =
            (0..9).map(|i| Arc::new(firing([("alertname", format!("A{i}").as_str())], 0, 99))).collect();
        assert_eq!(message(&many, 0).line(), "Alert firing A0, A1, A2, 6 more (9 alerts)");
    }
}
