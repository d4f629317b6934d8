//! The alerting rules: the budget burns too fast, or there is nothing left to count.

use super::{Speed, TIERS, Tier, recorded, threshold};
use crate::{
    rules::{Kind, Pairs, Rule},
    spec::{Indicator, Slo},
};

/// Where a Grafana of this stack is.
const GRAFANA: &str = "http://127.0.0.1:3000";
/// How long nothing may be counted before somebody hears of it, in seconds of speed 1.
pub(crate) const SILENCE: u32 = 600;
/// Over how long the mean is taken that says what was due, in seconds of speed 1.
pub(crate) const MEAN: u32 = 86_400;
/// Silence is news only where so many events were due: by night there may be a seventh of the mean, and of fourteen
/// at random all fail to come once in a million times.
const DUE: u32 = 100;
/// Minutes of a gauge come by the clock and not at random.
const DUE_MINUTES: u32 = 5;

/// One rule for each tier: the alert is the same, the labels say how fast the budget burns.
pub(super) fn burning(slo: &Slo) -> Vec<Rule> {
    let mut rules: Vec<Rule> = TIERS.iter().map(|tier| burn(slo, tier)).collect();
    rules[0].comment = vec![
        "Fires while the bad share exceeds what the tier allows, in the long window and still in the short one.".into(),
        format!("Below {} bad events nobody is told: of one in ten, a tenth has failed.", evidence(slo)),
    ];
    if threshold(slo, &TIERS[0]).0 < TIERS[0].burn * slo.budget() {
        rules[0].comment.push("Where the budget allows more than half to fail, half is enough.".into());
    }
    rules
}

/// A bad minute of a gauge is a minute, not one user: two of them are enough to believe.
fn evidence(slo: &Slo) -> u32 {
    if matches!(slo.indicator, Indicator::Threshold { .. }) { 2 } else { slo.evidence }
}

/// So many bad events must a tier see in its long window.
pub(crate) fn evidence_of(slo: &Slo, tier: &Tier) -> u32 {
    evidence(slo) * tier.evidence
}

/// Silence is news where so many events, or minutes of a gauge, were due.
pub(crate) fn due(slo: &Slo) -> u32 {
    if matches!(slo.indicator, Indicator::Threshold { .. }) { DUE_MINUTES } else { DUE }
}

fn burn(slo: &Slo, tier: &Tier) -> Rule {
    let ratio = |window: &str| recorded(&format!("slo:error_ratio:increase{window}"), slo);
    let (long, short) = (tier.long.0, tier.short.0);
    let (_, above) = threshold(slo, tier);
    let errors = recorded(&format!("slo:errors:increase{long}"), slo);
    let expr = format!(
        "{} > {above}\nand {} > {above}\nand {errors} >= {}",
        ratio(long),
        ratio(short),
        evidence_of(slo, tier)
    );
    let labels = [("severity", tier.severity.word()), ("tier", tier.name), ("long", long), ("short", short)];
    let left = recorded(&format!("slo:error_budget:remaining{}d", slo.days), slo);
    let events = if matches!(slo.indicator, Indicator::Threshold { .. }) { "minutes" } else { "events" };
    let annotations = annotations(
        slo,
        &slo.alert,
        format!("{}: {{{{ $value | humanizePercentage }}}} were bad in the last {long}", slo.title),
        format!(
            "{} {} must be good over {} days. In the last {long} {{{{ $value | humanizePercentage }}}} of the {events} were \
             not, and the last {short} are no better; whoever burns {} times what is allowed has spent {} of the budget by now. \
             Left of it: {{{{ with query `{left}` }}}}{{{{ . | first | value | humanizePercentage }}}}{{{{ else }}}}unknown{{{{ end }}}}.",
            slo.description,
            slo.percent(),
            slo.days,
            tier.burn,
            tier.spent
        ),
    );
    Rule {
        comment: Vec::new(),
        kind: Kind::Alert { name: slo.alert.clone(), hold: None, annotations },
        expr,
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

/// The name of the alert for silence, of all objectives.
pub const SILENT: &str = "NothingToCount";

/// What a burn rate cannot see: where nothing is counted, nothing fails.
pub(super) fn silent(slo: &Slo, speed: Speed) -> Option<Rule> {
    let severity = slo.silence?;
    let window = speed.window(SILENCE);
    let mean = format!("avg_over_time({}[{}])", recorded("slo:requests:per_second", slo), speed.window(MEAN));
    let still = match &slo.indicator {
        Indicator::Threshold { .. } => {
            format!("count_over_time({}[{window}])", recorded("slo:requests:per_second", slo))
        }
        Indicator::Bad { total, .. } | Indicator::Good { total, .. } => {
            format!("sum(increase({total}[{window}]))")
        }
    };
    let annotations = annotations(
        slo,
        SILENT,
        format!("{}: nothing has been counted for 10m", slo.title),
        format!(
            "By the mean of the last day {{{{ $value | humanize }}}} events were due in the last 10m, and none came. Objectives that \
             count nothing cannot be missed, so no other alert speaks for {}.",
            slo.name
        ),
    );
    Some(Rule {
        comment: vec![
            "A burn rate does not see that nothing comes at all. Ends by itself a day after the last event."
                .into(),
        ],
        kind: Kind::Alert { name: SILENT.into(), hold: None, annotations },
        expr: format!("{mean} * {} >= {}\nunless on() {still} > 0", speed.seconds(SILENCE), due(slo)),
        labels: Pairs::from([("severity".into(), severity.word().into())]),
    })
}

fn annotations(slo: &Slo, alert: &str, summary: String, description: String) -> Pairs {
    Pairs::from([
        ("summary".into(), summary),
        ("description".into(), description),
        ("runbook_url".into(), format!("runbooks/{alert}.md")),
        ("dashboard_url".into(), format!("{GRAFANA}/d/{}", slo.dashboard)),
    ])
}
