//! The settings of outbound calls.

use std::time::Duration;

use chassis::env::{ConfigError, Env};

/// How neighbours are called.
#[derive(Debug, Clone)]
pub struct Policy {
    /// `OUTBOUND_CONNECT_TIMEOUT_MS` (250).
    pub connect_timeout: Duration,
    /// `OUTBOUND_TIMEOUT_MS` (1,000): one attempt, from the first byte sent to the last received.
    pub attempt_timeout: Duration,
    /// `OUTBOUND_DEADLINE_MS` (2,500): all attempts of one step of an order together.
    pub deadline: Duration,
    /// `BULKHEAD_MAX` (64): calls to one peer at the same time.
    pub bulkhead_max: usize,
    /// `BULKHEAD_WAIT_MS` (50): how long a call waits for its place.
    pub bulkhead_wait: Duration,
    /// Retries.
    pub retry: RetryPolicy,
    /// The circuit breaker.
    pub breaker: BreakerPolicy,
}

/// Retries of idempotent calls.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// `RETRY_MAX_ATTEMPTS` (3): the first one included; 1 means no retries.
    pub max_attempts: u32,
    /// `RETRY_BASE_MS` (25): upper bound of the first pause; it doubles with each retry.
    pub base: Duration,
    /// `RETRY_CAP_MS` (500): upper bound of any pause.
    pub cap: Duration,
    /// Whether a pause is drawn from below its upper bound, so that many callers do not come back together.
    pub jitter: bool,
    /// `RETRY_BUDGET_PERCENT` (10): retries that calls earn.
    pub budget_percent: u32,
    /// `RETRY_BUDGET_MIN_PER_SECOND` (2): retries that time earns.
    pub budget_min_per_second: u32,
}

/// When a peer counts as down.
#[derive(Debug, Clone)]
pub struct BreakerPolicy {
    /// Without it, every call is let through.
    pub enabled: bool,
    /// `BREAKER_WINDOW_MS` (10,000): outcomes older than this do not count.
    pub window: Duration,
    /// `BREAKER_MIN_CALLS` (10): fewer outcomes decide nothing.
    pub min_calls: usize,
    /// `BREAKER_FAILURE_PERCENT` (50): this share of failures opens it.
    pub failure_percent: usize,
    /// `BREAKER_OPEN_MS` (3,000): how long it stays open before it lets probes through.
    pub open_for: Duration,
    /// `BREAKER_PROBES` (2): calls let through half-open; all must succeed to close it.
    pub probes: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(250),
            attempt_timeout: Duration::from_millis(1000),
            deadline: Duration::from_millis(2500),
            bulkhead_max: 64,
            bulkhead_wait: Duration::from_millis(50),
            retry: RetryPolicy {
                max_attempts: 3,
                base: Duration::from_millis(25),
                cap: Duration::from_millis(500),
                jitter: true,
                budget_percent: 10,
                budget_min_per_second: 2,
            },
            breaker: BreakerPolicy {
                enabled: true,
                window: Duration::from_secs(10),
                min_calls: 10,
                failure_percent: 50,
                open_for: Duration::from_secs(3),
                probes: 2,
            },
        }
    }
}

impl Policy {
    /// Reads the variables named at the fields.
    ///
    /// # Errors
    /// For the first variable that cannot be used.
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let default = Self::default();
        let (retry, breaker) = (default.retry, default.breaker);
        Ok(Self {
            connect_timeout: env.millis("OUTBOUND_CONNECT_TIMEOUT_MS", default.connect_timeout)?,
            attempt_timeout: env.millis("OUTBOUND_TIMEOUT_MS", default.attempt_timeout)?,
            deadline: env.millis("OUTBOUND_DEADLINE_MS", default.deadline)?,
            bulkhead_max: env.number("BULKHEAD_MAX", default.bulkhead_max, 1..=4096)?,
            bulkhead_wait: env.millis("BULKHEAD_WAIT_MS", default.bulkhead_wait)?,
            retry: RetryPolicy {
                max_attempts: env.number("RETRY_MAX_ATTEMPTS", retry.max_attempts, 1..=10)?,
                base: env.millis("RETRY_BASE_MS", retry.base)?,
                cap: env.millis("RETRY_CAP_MS", retry.cap)?,
                jitter: retry.jitter,
                budget_percent: env.number("RETRY_BUDGET_PERCENT", retry.budget_percent, 0..=1000)?,
                budget_min_per_second: env.number(
                    "RETRY_BUDGET_MIN_PER_SECOND",
                    retry.budget_min_per_second,
                    0..=1000,
                )?,
            },
            breaker: BreakerPolicy {
                enabled: breaker.enabled,
                window: env.millis("BREAKER_WINDOW_MS", breaker.window)?,
                min_calls: env.number("BREAKER_MIN_CALLS", breaker.min_calls, 1..=1000)?,
                failure_percent: env.number("BREAKER_FAILURE_PERCENT", breaker.failure_percent, 1..=100)?,
                open_for: env.millis("BREAKER_OPEN_MS", breaker.open_for)?,
                probes: env.number("BREAKER_PROBES", breaker.probes, 1..=100)?,
            },
        })
    }
}
