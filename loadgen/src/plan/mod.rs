//! The plan: everything a run will ask for, as a pure function of profile, seed, duration and rate.
//! Nothing is stored but the inputs: arrivals and sessions are computed when asked for, so a run may be endless.

pub mod arrivals;
pub mod decide;
pub mod digest;
pub mod journeys;
mod products;

use crate::profile::Profile;
use arrivals::{Arrivals, Rate};
use decide::{Stream, decide, unit};
use journeys::{Draw, Journey, KINDS, Kind, Step};
use products::Catalogue;
use std::time::Duration;

/// Why there is no plan.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The rate has no meaning.
    #[error("a rate of {0} requests/s: it must be above 0 and at most 1000000")]
    Rate(f64),
    /// The run would be too short to hold anything.
    #[error("a run of {0:?}: it must last at least 100ms")]
    Duration(Duration),
}

/// One planned session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its number, from 0.
    pub index: u64,
    /// What it is about.
    pub journey: Journey,
    /// Its requests, in order.
    pub steps: Vec<Step>,
}

/// A plan of traffic.
#[derive(Debug, Clone)]
pub struct Plan {
    profile: Profile,
    seed: u64,
    end: Option<Duration>,
    rps: f64,
    mean_steps: f64,
    rate: Rate,
    catalogue: Catalogue,
}

impl Plan {
    /// Plans a run. `duration` and `rps` (requests a second expected where the profile's level is 1) default to the
    /// profile's own.
    ///
    /// # Errors
    /// When rate or duration have no meaning.
    pub fn new(
        profile: &Profile,
        seed: u64,
        duration: Option<Duration>,
        rps: Option<f64>,
    ) -> Result<Self, PlanError> {
        let duration = duration.unwrap_or(profile.duration);
        Self::build(profile, seed, duration, Some(duration), rps)
    }

    /// Plans traffic without an end: the profile's levels repeat, once per profile duration.
    ///
    /// # Errors
    /// When the rate has no meaning.
    pub fn endless(profile: &Profile, seed: u64, rps: Option<f64>) -> Result<Self, PlanError> {
        Self::build(profile, seed, profile.duration, None, rps)
    }

    fn build(
        profile: &Profile,
        seed: u64,
        cycle: Duration,
        end: Option<Duration>,
        rps: Option<f64>,
    ) -> Result<Self, PlanError> {
        let rps = rps.unwrap_or(profile.rps);
        if !(rps > 0.0 && rps <= 1e6) {
            return Err(PlanError::Rate(rps));
        }
        if cycle < Duration::from_millis(100) {
            return Err(PlanError::Duration(cycle));
        }
        let weights: f64 = profile.journeys.iter().map(|(_, w)| w).sum();
        let steps: f64 = profile.journeys.iter().map(|(j, w)| w * j.mean_steps()).sum();
        let mean_steps = steps / weights;
        Ok(Self {
            rate: Rate::new(&profile.levels, cycle, rps / mean_steps),
            catalogue: Catalogue::new(profile.hot, profile.hot_share),
            profile: profile.clone(),
            seed,
            end,
            rps,
            mean_steps,
        })
    }

    /// The profile it was made from.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Requests a second expected where the profile's level is 1.
    #[must_use]
    pub fn rps(&self) -> f64 {
        self.rps
    }

    /// When arrivals end; none in an endless plan.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.end
    }

    /// Requests expected in all, were every answer as planned; none in an endless plan.
    #[must_use]
    pub fn expected_requests(&self) -> Option<f64> {
        self.end.map(|end| self.rate.integral(end.as_secs_f64()) * self.mean_steps)
    }

    /// The kinds of steps, which [`Step::kind`] counts.
    #[must_use]
    pub fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    /// When sessions begin, in order.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'_> {
        Arrivals::new(&self.rate, self.profile.spacing, self.seed, self.end)
    }

    /// The session of that number. Any number has one, also beyond the plan's end.
    #[must_use]
    pub fn session(&self, index: u64) -> Session {
        let journey = self.journey(index);
        let draw = Draw {
            seed: self.seed,
            session: index,
            think: self.profile.think,
            catalogue: &self.catalogue,
            steps: Vec::with_capacity(4),
        };
        Session { index, journey, steps: draw.walk(journey) }
    }

    fn journey(&self, index: u64) -> Journey {
        let journeys = &self.profile.journeys;
        let total: f64 = journeys.iter().map(|(_, w)| w).sum();
        let mut left = unit(decide(self.seed, Stream::Journey, index, 0, 0)) * total;
        for (journey, weight) in journeys {
            if left <= *weight {
                return *journey;
            }
            left -= weight;
        }
        // Only rounding leads here; a profile has at least one journey.
        journeys.last().map_or(Journey::Browse, |(j, _)| *j)
    }

    /// SHA-256, as hex, of the plan's inputs and of its first sessions with their offsets and requests.
    /// The same on every machine; see [`digest`].
    #[must_use]
    pub fn digest(&self) -> String {
        digest::digest(self)
    }
}
