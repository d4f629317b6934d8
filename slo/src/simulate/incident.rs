//! An incident as a person words it: so much fails for so long, or all takes so long. It becomes a [`Contract`] that promises
//! nothing.

use crate::{
    contract::{Contract, Phase, Selector, time},
    generate::{INTERVAL, TIERS},
    spec::{Indicator, Slo},
};

/// The longest incident, and the longest time before it, in seconds: a month.
pub const LONGEST: u32 = 30 * 86_400;

/// A while in which a share is bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The bad share, from 0 to 1; of a gauge, the share of the minutes.
    pub share: f64,
    /// How long, in seconds, where that is said.
    pub seconds: Option<u32>,
}

/// A while in which every answer takes so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowness {
    /// In seconds.
    pub latency: f64,
    /// How long it lasts, in seconds, where that is said.
    pub seconds: Option<u32>,
}

/// Reads `5%`, `0.05`, and with a time of its own `5%@1h`.
pub fn part(text: &str) -> Result<Part, String> {
    let (what, seconds) = timed(text)?;
    let share = match what.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().map(|percent| percent / 100.0),
        None => what.parse(),
    };
    match share {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(Part { share, seconds }),
        _ => Err("expected a share from 0% to 100%, such as 5% or 0.05; 5%@1h lasts an hour".into()),
    }
}

/// Reads `800ms`, `1.5s`, and with a time of its own `800ms@10m`.
pub fn slowness(text: &str) -> Result<Slowness, String> {
    let (what, seconds) = timed(text)?;
    let latency = match what.strip_suffix("ms") {
        Some(ms) => ms.parse::<f64>().ok().map(|ms| ms / 1000.0),
        None => what.strip_suffix('s').and_then(|seconds| seconds.parse().ok()),
    };
    match latency {
        Some(latency) if (0.0..=3600.0).contains(&latency) => Ok(Slowness { latency, seconds }),
        _ => Err("expected a latency of at most an hour, such as 800ms or 1.5s; 800ms@10m lasts ten minutes"
            .into()),
    }
}

/// What stands before an `@`, and the time behind it.
fn timed(text: &str) -> Result<(&str, Option<u32>), String> {
    match text.split_once('@') {
        Some((what, length)) => Ok((what, Some(time(length)?))),
        None => Ok((text, None)),
    }
}

/// An incident that cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Impossible(String);

/// What happens to an objective.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Which one.
    pub slo: Slo,
    /// Bad shares and seconds, one after the other.
    pub phases: Vec<(f64, u32)>,
    /// Seconds of health before.
    pub history: u32,
    /// Events a second.
    pub traffic: f64,
    /// Events a second during the incident, where that is another number.
    pub traffic_during: Option<f64>,
    /// The bad share while all is well.
    pub background: f64,
}

impl Incident {
    /// These parts, those without a time of their own `length` seconds long, after as much health as the longest window holds.
    pub fn of(slo: &Slo, parts: &[Part], length: u32) -> Self {
        Self {
            slo: slo.clone(),
            phases: parts.iter().map(|part| (part.share, part.seconds.unwrap_or(length))).collect(),
            history: TIERS.iter().map(|tier| tier.long.1).max().unwrap_or(0),
            traffic: 10.0,
            traffic_during: None,
            background: 0.0,
        }
    }

    /// The same of latencies: what takes longer than the objective's bound is bad.
    pub fn of_slowness(slo: &Slo, parts: &[Slowness], length: u32) -> Result<Self, Impossible> {
        let bound = match &slo.indicator {
            Indicator::Good { good, .. } => {
                Selector::read(good).value("le").and_then(|le| le.parse::<f64>().ok())
            }
            Indicator::Bad { .. } | Indicator::Threshold { .. } => None,
        };
        let bound = bound.ok_or_else(|| {
            Impossible(format!("{} does not look at latency; say with --errors which share is bad", slo.name))
        })?;
        let share = |slow: &Slowness| f64::from(u8::from(slow.latency > bound));
        let parts: Vec<Part> =
            parts.iter().map(|slow| Part { share: share(slow), seconds: slow.seconds }).collect();
        Ok(Self::of(slo, &parts, length))
    }

    /// As a contract, with a tail in which the slowest alert is over.
    pub fn contract(&self) -> Result<Contract, Impossible> {
        let refused = |message: String| Err(Impossible(message));
        let lasts = self.phases.iter().map(|(_, seconds)| u64::from(*seconds)).sum::<u64>();
        if lasts < u64::from(INTERVAL) || lasts > u64::from(LONGEST) {
            return refused(format!("an incident lasts from one minute to {} days", LONGEST / 86_400));
        }
        if self.history > LONGEST {
            return refused(format!("at most {} days lie before it", LONGEST / 86_400));
        }
        if !(self.traffic > 0.0 && self.traffic <= 1e6) {
            return refused("traffic is above 0 and at most a million events a second".into());
        }
        if self.traffic_during.is_some_and(|traffic| !(0.0..=1e6).contains(&traffic)) {
            return refused("traffic during the incident is from 0 to a million events a second".into());
        }
        let phase = |(errors, seconds): &(f64, u32)| Phase {
            seconds: *seconds,
            errors: *errors,
            failures: None,
            traffic: self.traffic_during,
            gauge: None,
            absent: false,
            restart: false,
            healthy: *errors == 0.0 && self.traffic_during.is_none(),
        };
        let longest_short = TIERS.iter().map(|tier| tier.short.1).max().unwrap_or(0);
        Ok(Contract {
            file: String::new(),
            line: 0,
            slow: false,
            name: "an incident".into(),
            decision: String::new(),
            slo: self.slo.clone(),
            history: self.history,
            traffic: self.traffic,
            background: self.background,
            noise: None,
            unborn: false,
            phases: self.phases.iter().map(phase).collect(),
            tail: longest_short + 10 * INTERVAL,
            expect: Vec::new(),
            may: Vec::new(),
            beside: Vec::new(),
            values: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn slo(name: &str) -> Slo {
        let slos = crate::files::specs(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).expect("good specs");
        slos.into_iter().find(|slo| slo.name == name).expect("the objective")
    }

    #[test]
    fn shares_and_latencies_are_read_with_and_without_a_time() {
        assert_eq!(part("5%"), Ok(Part { share: 0.05, seconds: None }));
        assert_eq!(part("0.5@1h30m"), Ok(Part { share: 0.5, seconds: Some(5400) }));
        assert_eq!(slowness("800ms@10m"), Ok(Slowness { latency: 0.8, seconds: Some(600) }));
        assert_eq!(slowness("1.5s"), Ok(Slowness { latency: 1.5, seconds: None }));
        for wrong in ["", "5", "101%", "-1%", "NaN", "5%@", "5%@10s", "5%@@1h", "half"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "5", "5m", "-1s", "NaNs", "2h", "1s@5"] {
            assert!(slowness(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_takes_longer_than_the_bound_is_bad() {
        let slow = |text: &str| slowness(text).expect("a latency");
        let slo = slo("order-placement-latency");
        let parts = [slow("501ms@10m"), slow("500ms@5m"), slow("3s")];
        let incident = Incident::of_slowness(&slo, &parts, 60).expect("it looks at latency");
        assert_eq!(incident.phases, [(1.0, 600), (0.0, 300), (1.0, 60)]);
        let contract = incident.contract().expect("possible");
        assert_eq!(contract.trouble(), (contract.history, contract.history + 960));
        let other = Incident::of_slowness(&self::slo("order-placement-availability"), &parts, 60);
        assert!(other.expect_err("no bound").to_string().contains("--errors"));
    }

    #[test]
    fn what_cannot_be_simulated_is_refused() {
        let slo = slo("order-placement-latency");
        let incident = |share, seconds| Incident::of(&slo, &[Part { share, seconds: Some(seconds) }], 60);
        assert!(incident(0.1, LONGEST).contract().is_ok());
        for wrong in [
            incident(0.1, LONGEST + 60),
            incident(0.1, 0),
            Incident { phases: vec![], ..incident(0.1, 60) },
            Incident { traffic: 0.0, ..incident(0.1, 60) },
            Incident { traffic: f64::NAN, ..incident(0.1, 60) },
            Incident { traffic_during: Some(-1.0), ..incident(0.1, 60) },
            Incident { history: LONGEST + 60, ..incident(0.1, 60) },
        ] {
            assert!(wrong.contract().is_err(), "{wrong:?}");
        }
    }
}
