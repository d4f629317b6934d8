//! Records samples of requests, per kind of step.

use super::{Exemplar, Exemplars, Hist, histogram};
use crate::client::Outcome;
use opentelemetry::trace::TraceId;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// One finished request.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Index of the kind of step.
    pub kind: usize,
    /// When it was to be sent.
    pub intended: Instant,
    /// When it was sent.
    pub fired: Instant,
    /// When the answer was whole or given up.
    pub ended: Instant,
    /// What came.
    pub outcome: Outcome,
    /// What was planned to come.
    pub expect: u16,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its session.
    pub session: u64,
}

impl Sample {
    /// Whether the answer is another than the planned one, or there is none.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.outcome != Ok(self.expect)
    }
}

/// One kind of step.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Intended to ended.
    pub response: Hist,
    /// Fired to ended.
    pub service: Hist,
    /// Intended to fired.
    pub lag: Hist,
    /// How many ended in which way.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Unexpected answers, errors, timeouts.
    pub failed: u64,
    /// Answers with a planned error.
    pub expected_failures: u64,
    /// Sent later than the lag budget allows.
    pub late: u64,
    /// Requests to look at.
    pub exemplars: Exemplars,
    /// Failed requests to look at.
    pub failures: Exemplars,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            response: histogram(),
            service: histogram(),
            lag: histogram(),
            outcomes: BTreeMap::new(),
            failed: 0,
            expected_failures: 0,
            late: 0,
            exemplars: Exemplars::default(),
            failures: Exemplars::default(),
        }
    }
}

impl Cell {
    /// How many requests ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.response.len()
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.response, &other.response),
            (&mut self.service, &other.service),
            (&mut self.lag, &other.lag),
        ] {
            // A growing histogram takes any other; the error is for fixed ones.
            let _ = mine.add(theirs);
        }
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
        self.failed += other.failed;
        self.expected_failures += other.expected_failures;
        self.late += other.late;
        self.exemplars.merge(&other.exemplars);
        self.failures.merge(&other.failures);
    }

    fn clear(&mut self) {
        self.response.clear();
        self.service.clear();
        self.lag.clear();
        self.outcomes.clear();
        (self.failed, self.expected_failures, self.late) = (0, 0, 0);
        self.exemplars.clear();
        self.failures.clear();
    }
}

/// All kinds of steps.
#[derive(Debug, Clone)]
pub struct Recorder {
    cells: Vec<Cell>,
    lag_budget: Duration,
}

impl Recorder {
    /// For so many kinds; a request that is sent more than `lag_budget` after it was intended counts as late.
    #[must_use]
    pub fn new(kinds: usize, lag_budget: Duration) -> Self {
        Self { cells: (0..kinds).map(|_| Cell::default()).collect(), lag_budget }
    }

    /// Records a request.
    pub fn record(&mut self, sample: &Sample) {
        let lag = sample.fired.saturating_duration_since(sample.intended);
        let response = micros(sample.ended.saturating_duration_since(sample.intended));
        let Some(cell) = self.cells.get_mut(sample.kind) else { return };
        // A growing histogram refuses no value below an hour's microseconds squared.
        let _ = cell.response.record(response);
        let _ = cell.service.record(micros(sample.ended.saturating_duration_since(sample.fired)));
        let _ = cell.lag.record(micros(lag));
        *cell.outcomes.entry(sample.outcome).or_default() += 1;
        cell.late += u64::from(lag > self.lag_budget);
        let exemplar = Exemplar {
            response_us: response,
            trace_id: sample.trace_id,
            session: sample.session,
            kind: sample.kind,
            outcome: sample.outcome,
        };
        cell.exemplars.add(exemplar);
        if sample.failed() {
            cell.failed += 1;
            cell.failures.add(exemplar);
        } else if sample.expect >= 400 {
            cell.expected_failures += 1;
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            if theirs.ended() > 0 {
                mine.merge(theirs);
            }
        }
    }

    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.cells.iter_mut().filter(|c| c.ended() > 0).for_each(Cell::clear);
    }

    /// The kinds of steps.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The sum over all kinds.
    #[must_use]
    pub fn total(&self) -> Cell {
        let mut total = Cell::default();
        self.add_to(&mut total);
        total
    }

    /// Adds the sum over all kinds to `total`.
    pub fn add_to(&self, total: &mut Cell) {
        self.cells.iter().filter(|c| c.ended() > 0).for_each(|c| total.merge(c));
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX >> 16)
}
