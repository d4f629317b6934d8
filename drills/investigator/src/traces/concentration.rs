//! What the bad ones have in common: one record, one tenant, one version, one instance. Only what most of the bad ones share
//! and most of the others do not says anything.

use crate::{
    facts::Facts,
    finding::{Evidence, Finding, Place, Sign},
};
use query::{
    TraceId,
    trace::{Kind, Node},
};
use std::collections::BTreeMap;

/// So many bad spans there must be.
const ENOUGH: usize = 5;

/// A span of an operation: what it has that others may share, and whether it is bad.
struct Member {
    path: Option<String>,
    version: Option<String>,
    failed: bool,
    duration_us: u64,
    trace: TraceId,
}

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let mut usual: BTreeMap<Place, Vec<u64>> = BTreeMap::new();
    for tree in &facts.before.traces {
        for node in tree.nodes.iter().filter(|node| node.kind() == Kind::Server) {
            usual.entry(place(node)).or_default().push(node.span.duration_us);
        }
    }
    let mut members: BTreeMap<Place, Vec<Member>> = BTreeMap::new();
    for tree in facts.during.all() {
        for node in tree.nodes.iter().filter(|node| node.kind() == Kind::Server) {
            members.entry(place(node)).or_default().push(member(node, tree.id));
        }
    }
    let mut found = versions(facts);
    for (place, members) in members {
        let slow = usual.get_mut(&place).and_then(|durations| {
            durations.sort_unstable();
            let usual = durations.get((durations.len() * 95 / 100).min(durations.len().saturating_sub(1)))?;
            Some((usual * 3).max(100_000))
        });
        let failed = |member: &Member| member.failed;
        let slow = |member: &Member| slow.is_some_and(|slow| member.duration_us > slow);
        let path = |member: &Member| member.path.clone();
        let version = |member: &Member| member.version.clone();
        found.extend(shared(&place, &members, failed, path, Sign::OneRecordFails, "fail"));
        found.extend(shared(&place, &members, slow, path, Sign::OneTenantSlow, "are slow"));
        found.extend(shared(&place, &members, failed, version, Sign::OneVersionSuffers, "fail"));
        found.extend(shared(&place, &members, slow, version, Sign::OneVersionSuffers, "are slow"));
    }
    found
}

fn place(node: &Node) -> Place {
    Place::operation(&node.service, &node.span.operation_name)
}

fn member(node: &Node, trace: TraceId) -> Member {
    // A path that is its own template names no record.
    let names_a_record = node.span.tag_text("http.route").is_some_and(|route| route.contains('{'));
    let version = node.resource.iter().find(|tag| tag.key == "service.version");
    Member {
        path: node.span.tag_text("url.path").filter(|_| names_a_record),
        version: version.map(|tag| tag.value.to_string()),
        failed: node.http_status().is_some_and(|status| status >= 500),
        duration_us: node.span.duration_us,
        trace,
    }
}

fn shared(
    place: &Place,
    members: &[Member],
    is_bad: impl Fn(&Member) -> bool,
    key: impl Fn(&Member) -> Option<String>,
    sign: Sign,
    what: &str,
) -> Option<Finding> {
    let count = |bad: bool| {
        let mut counts: BTreeMap<String, Vec<TraceId>> = BTreeMap::new();
        for member in members.iter().filter(|member| is_bad(member) == bad) {
            counts.entry(key(member)?).or_default().push(member.trace);
        }
        Some(counts)
    };
    let (bad, good) = (count(true)?, count(false)?);
    let sum = |counts: &BTreeMap<String, Vec<TraceId>>| counts.values().map(Vec::len).sum::<usize>();
    let (all_bad, all_good) = (sum(&bad), sum(&good));
    let (value, traces) = bad.iter().max_by_key(|(_, traces)| traces.len())?;
    let alike = traces.len() as f64 / all_bad.max(1) as f64;
    let usual = good.get(value).map_or(0, Vec::len) as f64 / all_good.max(1) as f64;
    if all_bad < ENOUGH || all_good < ENOUGH || alike < 0.8 || usual > 0.5 * alike {
        return None;
    }
    let text = format!(
        "of those that {what}, {:.0}% are of {value}; of the others {:.0}%",
        alike * 100.0,
        usual * 100.0
    );
    let evidence = traces.iter().take(3).copied().map(Evidence::Trace);
    Some(Finding::new(sign, place.clone(), alike, text).shown_by(evidence))
}

/// Versions that run now and did not before.
fn versions(facts: &Facts) -> Vec<Finding> {
    let grid = &facts.grid;
    let mut found = Vec::new();
    for reading in facts.metrics.of("build_info") {
        let (service, version) = (reading.label("service"), reading.label("version"));
        let known = facts.metrics.of("build_info").iter().any(|other| {
            other.label("service") == service
                && other.label("version") == version
                && other.known(0..grid.before().end + 1).next().is_some()
        });
        let others = facts.metrics.of("build_info").iter().any(|other| {
            other.label("service") == service && other.known(0..grid.before().end + 1).next().is_some()
        });
        let now = reading.known(grid.during().start..grid.slices() + 1).next().is_some();
        if service.is_empty() || known || !others || !now {
            continue;
        }
        let text = format!("version {version} runs, which did not before");
        let query = format!(
            "{} @ {}",
            crate::names::selector("build_info", &[("service", service)]),
            grid.end().seconds_text()
        );
        let finding = Finding::new(Sign::VersionAppeared, Place::service(service), 1.0, text);
        found.push(finding.shown_by([Evidence::Promql(query)]));
    }
    found
}
