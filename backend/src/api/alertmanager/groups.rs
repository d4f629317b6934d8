//! `/api/v2/alerts/groups`: alerts as they are told together.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::Uri;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::alerts;
use super::answer::ApiError;
use super::filter::Filter;
use crate::Backend;
use crate::alertmanager::labels::{self, Fingerprint, Labels};
use crate::alertmanager::{Alert, HeldBack};

/// A group with those of its alerts that are asked for.
struct Found<'c> {
    receiver: &'c str,
    labels: &'c Labels,
    alerts: Vec<(Fingerprint, &'c Alert, HeldBack)>,
}

pub(super) async fn list(
    State(backend): State<Arc<Backend>>,
    uri: Uri,
) -> Result<Json<Vec<Value>>, ApiError> {
    let filter = Filter::read(&uri, "muted")?;
    let (core, now) = (backend.alertmanager.core(), Timestamp::now());
    let mut found = Vec::new();
    let mut receivers: BTreeMap<Fingerprint, Vec<&str>> = BTreeMap::new();
    for ((route, labels), alerts) in core.groups.iter() {
        let receiver = core.routes.options(*route).receiver.as_str();
        if !filter.wants_receiver(receiver) {
            continue;
        }
        let mut group = Found { receiver, labels, alerts: Vec::new() };
        for alert in alerts.filter(|alert| alert.ends_at >= now) {
            let held_back = core.held_back(&alert.labels, now);
            if filter.wants(&alert.labels, &held_back) {
                receivers.entry(alert.fingerprint()).or_default().push(receiver);
                group.alerts.push((alert.fingerprint(), &**alert, held_back));
            }
        }
        group.alerts.sort_by(|(_, a, _), (_, b, _)| labels::alert_order(&a.labels, &b.labels));
        if !group.alerts.is_empty() {
            found.push(group);
        }
    }
    receivers.values_mut().for_each(|names| names.sort_unstable());
    found.sort_by(|a, b| labels::order(a.labels, b.labels).then(a.receiver.cmp(b.receiver)));
    let print = |group: Found<'_>| {
        let alerts = group.alerts.iter().map(|(fingerprint, alert, held_back)| {
            let receivers = receivers.get(fingerprint).map_or(&[][..], Vec::as_slice);
            alerts::print(*fingerprint, alert, receivers, held_back)
        });
        json!({
            "alerts": alerts.collect::<Vec<_>>(),
            "labels": group.labels,
            "receiver": {"name": group.receiver},
        })
    };
    Ok(Json(found.into_iter().map(print).collect()))
}
