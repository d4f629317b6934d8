//! A neighbour and everything that stands between a call and its socket.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use balance::{Balancer, Told};
use bytes::Bytes;
use chassis::places::{Place, Places};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use telemetry::Metrics;
use tokio::time::Instant;

use super::attempt::attempt;
use super::backoff::pause;
use super::breaker::{Breaker, Leave, Outcome};
use super::budget::Budget;
use super::metrics::PeerMetrics;
use super::{Answer, Failure, OutboundMetrics, Policy, Reason};

/// A request to a peer.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: http::Method,
    /// The path's template: span name and label.
    pub route: &'static str,
    /// The path.
    pub path: String,
    /// A JSON body.
    pub body: Option<Bytes>,
    /// Sending it twice has the effect of sending it once; only then it is retried.
    pub idempotent: bool,
}

/// A neighbour: its instances, and the breaker, the bulkhead and the retry budget that they share.
pub struct Peer {
    name: &'static str,
    instances: Balancer,
    client: ClientWithMiddleware,
    policy: RwLock<Policy>,
    places: Places,
    breaker: Mutex<Breaker>,
    budget: Mutex<Budget>,
    samples: PeerMetrics,
}

impl Peer {
    /// Each attempt goes to one of `instances`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(
        name: &'static str,
        instances: Balancer,
        policy: Policy,
        metrics: &Metrics,
        outbound: &OutboundMetrics,
    ) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(policy.connect_timeout)
            .pool_max_idle_per_host(policy.bulkhead_max.min(64))
            // Shorter than the time after which the neighbours close an idle connection, so that none is used that is
            // about to be closed.
            .pool_idle_timeout(Duration::from_secs(15))
            .tcp_nodelay(true)
            .build()?;
        let client = telemetry::client::instrument(ClientBuilder::new(client), name, metrics.clone()).build();
        let now = Instant::now().into_std();
        Ok(Self {
            name,
            instances,
            client,
            places: Places::new(policy.bulkhead_max),
            breaker: Mutex::new(Breaker::new(policy.breaker.clone(), now)),
            budget: Mutex::new(Budget::new(&policy.retry, now)),
            samples: outbound.of(name),
            policy: RwLock::new(policy),
        })
    }

    /// `service.name` of the peer.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Calls by other rules from now on.
    pub(super) fn set_policy(&self, policy: Policy) {
        let now = Instant::now().into_std();
        self.places.resize(policy.bulkhead_max);
        lock(&self.budget).set_policy(&policy.retry, now);
        let mut breaker = lock(&self.breaker);
        breaker.set_policy(policy.breaker.clone(), now);
        self.samples.state.set(breaker.state() as i64);
        drop(breaker);
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    fn policy(&self) -> Policy {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The deadline of a step that begins now.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.policy().deadline
    }

    /// Calls, retrying within the policy. An answer below 500 is an answer, whatever it says.
    ///
    /// # Errors
    /// When no attempt was answered in a usable way before `deadline`.
    pub async fn call(&self, call: &Call, deadline: Instant) -> Result<Answer, Failure> {
        lock(&self.budget).earn();
        let mut may_have_arrived = false;
        let mut number = 0;
        loop {
            let reason = match self.guarded(call, number, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(reason) => reason,
            };
            may_have_arrived |= reason.may_have_arrived();
            let Some(pause) = self.retry_pause(call, &reason, number, deadline) else {
                tracing::warn!(peer = self.name, route = call.route, attempts = number + 1, reason = %reason, "call failed");
                return Err(Failure { peer: self.name, reason, may_have_arrived });
            };
            self.samples.retries.inc();
            tracing::info!(
                peer = self.name,
                route = call.route,
                attempt = number + 1,
                reason = %reason,
                pause_ms = pause.as_micros() as f64 / 1e3,
                "call is sent again"
            );
            tokio::time::sleep(pause).await;
            number += 1;
        }
    }

    /// The pause before the next attempt; none when there must not be one.
    fn retry_pause(&self, call: &Call, reason: &Reason, number: u32, deadline: Instant) -> Option<Duration> {
        let retry = &self.policy().retry;
        if !call.idempotent || !reason.is_retryable() || number + 1 >= retry.max_attempts {
            return None;
        }
        let pause = pause(retry, number, rand::random(), reason.retry_after());
        let now = Instant::now();
        // The budget comes last: a retry that the deadline forbids must not cost a token.
        (now + pause < deadline && lock(&self.budget).spend(now.into_std())).then_some(pause)
    }

    /// One attempt, behind breaker and bulkhead.
    async fn guarded(&self, call: &Call, number: u32, deadline: Instant) -> Result<Answer, Reason> {
        let entered = self.enter()?;
        let _place = self.place().await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Reason::Timeout);
        }
        let timeout = self.policy().attempt_timeout.min(left);
        let instance = self.instances.next();
        let url = format!("{}{}", instance.url(), call.path);
        let outcome = attempt(&self.client, &url, call, number, timeout).await;
        instance.tell(told(&outcome));
        entered.left(match &outcome {
            Err(reason) if reason.counts_against_the_peer() => Outcome::Failure,
            _ => Outcome::Success,
        });
        outcome
    }

    fn enter(&self) -> Result<Entered<'_>, Reason> {
        let mut breaker = lock(&self.breaker);
        let leave = breaker.enter(Instant::now().into_std());
        self.samples.state.set(breaker.state() as i64);
        leave.map(|leave| Entered { peer: self, leave: Some(leave) }).map_err(Reason::CircuitOpen)
    }

    async fn place(&self) -> Result<Place, Reason> {
        match tokio::time::timeout(self.policy().bulkhead_wait, self.places.take()).await {
            Ok(Some(place)) => Ok(place),
            Ok(None) | Err(_) => {
                self.samples.rejected.inc();
                Err(Reason::BulkheadFull)
            }
        }
    }
}

/// What an attempt tells of the instance that it went to. A status is an answer: how many of them are errors is for the breaker
/// to weigh, and for people to see by version.
fn told(outcome: &Result<Answer, Reason>) -> Told {
    match outcome {
        Err(Reason::Connect) => Told::Unreachable,
        Err(Reason::Broken | Reason::Timeout) => Told::Broken,
        _ => Told::Answered,
    }
}

/// A call that the breaker let through. Dropped without an outcome, it counts as neither.
struct Entered<'a> {
    peer: &'a Peer,
    leave: Option<Leave>,
}

impl Entered<'_> {
    fn left(mut self, outcome: Outcome) {
        self.report(outcome);
    }

    fn report(&mut self, outcome: Outcome) {
        let Some(leave) = self.leave.take() else { return };
        let mut breaker = lock(&self.peer.breaker);
        let before = breaker.state();
        breaker.leave(leave, outcome, Instant::now().into_std());
        let after = breaker.state();
        self.peer.samples.state.set(after as i64);
        if before != after {
            tracing::warn!(peer = self.peer.name, from = ?before, to = ?after, "circuit breaker changed");
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.report(Outcome::Unknown);
    }
}

/// The guarded values are consistent after every statement, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
