//! Whoever is told must be told what, why and what to do: no alert without a summary, a description, a runbook that is
//! there and a dashboard that is there.

use super::Site;
use crate::rules::Kind;

pub(super) fn check(site: &Site<'_>, say: &mut dyn FnMut(String)) {
    let Kind::Alert { annotations, name, .. } = &site.rule.kind else { return };
    let text = |key: &str| annotations.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    for key in ["summary", "description", "runbook_url", "dashboard_url"] {
        if text(key).is_none() {
            say(format!("has no {key}; whoever is told needs it"));
        }
    }
    if let Some(path) = text("runbook_url") {
        if !site.world.runbook(path) {
            say(format!("its runbook {path} is not there; write it"));
        } else if !path.ends_with(&format!("/{name}.md")) {
            say(format!("its runbook {path} is another alert's; one runbook for one alert"));
        }
    }
    if let Some(address) = text("dashboard_url") {
        let uid = address.split_once("/d/").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or(rest));
        if !uid.is_some_and(|uid| site.world.dashboard(uid)) {
            say(format!("there is no dashboard at {address}; take the uid of one"));
        }
    }
}
