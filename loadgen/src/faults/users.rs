//! What users see: each answer, and whether it is what they wanted. It remembers; what it amounts to is for `effect` to say.

use super::effect::{Effect, Felt, Seen};
use crate::client::Answer;
use crate::plan::journeys::{KINDS, Kind};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Most answers remembered: at 200 a second, more than two hours.
const MOST_SEEN: usize = 2_000_000;
/// How long a user remembers the price that was shown.
const REMEMBERED: Duration = Duration::from_secs(5);

/// All users of a run.
#[derive(Debug)]
pub struct Users {
    started: Instant,
    seen: Mutex<Vec<Seen>>,
    /// The price that was last shown of each product, and when.
    prices: Mutex<HashMap<u64, (f64, Instant)>>,
}

impl Default for Users {
    fn default() -> Self {
        Self::new()
    }
}

impl Users {
    /// The users of a run that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now(), seen: Mutex::default(), prices: Mutex::default() }
    }

    /// When the run began.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Looks at the answer to a step of the plan.
    pub(super) fn look(&self, kind: &Kind, answer: &Answer) {
        if let Some(kind) = KINDS.iter().find(|known| *known == kind) {
            let wrong = match (kind.method, kind.route) {
                ("GET", "/products/{id}") => self.is_shown(answer),
                ("POST", "/orders") => self.is_charged_otherwise(answer),
                _ => false,
            };
            self.remember(kind, answer, answer.outcome != Ok(kind.expect), wrong);
        }
    }

    /// Looks at the answer to a request that stands in no plan, of one who wants that status.
    pub(super) fn look_as(&self, method: &str, route: &str, answer: &Answer, wants: u16) {
        if let Some(kind) = KINDS.iter().find(|kind| kind.method == method && kind.route == route) {
            self.remember(kind, answer, answer.outcome != Ok(wants), false);
        }
    }

    /// What all of them felt between two times of the run.
    #[must_use]
    pub fn felt(&self, effect: &Effect, from: Duration, to: Duration) -> Felt {
        effect.felt(&lock(&self.seen), from, to)
    }

    fn remember(&self, kind: &'static Kind, answer: &Answer, failed: bool, wrong: bool) {
        let at = Instant::from_std(answer.fired).duration_since(self.started);
        let mut seen = lock(&self.seen);
        if seen.len() < MOST_SEEN {
            seen.push(Seen { at, kind, took: answer.took(), failed, wrong });
        }
    }

    /// A product's price is shown. That is never wrong: it is what a charge is compared with.
    fn is_shown(&self, answer: &Answer) -> bool {
        let product: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let shown = product.and_then(|product| Some((product["id"].as_u64()?, product["price"].as_f64()?)));
        if let Some((id, price)) = shown {
            lock(&self.prices).insert(id, (price, Instant::now()));
        }
        false
    }

    /// Whether an order charges another price than the one that was shown a moment ago.
    fn is_charged_otherwise(&self, answer: &Answer) -> bool {
        let Ok(order) = serde_json::from_slice::<Value>(&answer.body) else { return false };
        let prices = lock(&self.prices);
        let other = |item: &Value| {
            let charged = item["price"].as_f64()?;
            let (shown, at) = prices.get(&item["product_id"].as_u64()?)?;
            Some(at.elapsed() < REMEMBERED && (charged - shown).abs() > 0.005)
        };
        order["items"].as_array().into_iter().flatten().any(|item| other(item) == Some(true))
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
