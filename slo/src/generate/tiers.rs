//! The four tiers of the Site Reliability Workbook, chapter 5: how fast the budget burns, in a long window that is
//! sure and a short one that ends the alert soon after the trouble ends.

use crate::spec::{Severity, Slo};

/// A pair of windows and the burn rate that both must exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tier {
    /// As it stands in the label `tier`.
    pub name: &'static str,
    /// Who is told.
    pub severity: Severity,
    /// Name and seconds of the long window.
    pub long: (&'static str, u32),
    /// Name and seconds of the short one.
    pub short: (&'static str, u32),
    /// How many times faster than allowed.
    pub burn: f64,
    /// How many times the objective's evidence it takes. The fast page is far above what chance does to a healthy service;
    /// at the rate that is just allowed, chance is near, and a stack that began an hour ago has an hour in every window.
    pub evidence: u32,
    /// The share of a budget of 30 days that is gone when it fires.
    pub spent: &'static str,
}

/// From the fastest to the slowest.
pub const TIERS: [Tier; 4] = [
    Tier {
        name: "page-1h",
        severity: Severity::Page,
        long: ("1h", 3600),
        short: ("5m", 300),
        burn: 14.4,
        evidence: 1,
        spent: "2%",
    },
    Tier {
        name: "page-6h",
        severity: Severity::Page,
        long: ("6h", 21_600),
        short: ("30m", 1800),
        burn: 6.0,
        evidence: 1,
        spent: "5%",
    },
    Tier {
        name: "ticket-1d",
        severity: Severity::Ticket,
        long: ("1d", 86_400),
        short: ("2h", 7200),
        burn: 3.0,
        evidence: 2,
        spent: "10%",
    },
    Tier {
        name: "ticket-3d",
        severity: Severity::Ticket,
        long: ("3d", 259_200),
        short: ("6h", 21_600),
        burn: 1.0,
        evidence: 5,
        spent: "10%",
    },
];

/// The highest share of bad events that an alert waits for. A tenth of allowed errors times 14.4 is more than there can
/// be: such a tier would never fire, whatever happens. When most of it fails, somebody is told.
pub const MOST: f64 = 0.5;

/// The bad share above which a tier fires, as a number and as it stands in the rule.
pub fn threshold(slo: &Slo, tier: &Tier) -> (f64, String) {
    let share = tier.burn * slo.budget();
    if share > MOST { (MOST, MOST.to_string()) } else { (share, format!("{} * {}", tier.burn, slo.budget())) }
}
