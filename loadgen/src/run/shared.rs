//! What all threads of one run share.

use super::counters::{Counters, count};
use super::gate::Gate;
use super::pacer::Pacer;
use crate::client::{Answer, Ids};
use crate::meter::Meter;
use crate::plan::Plan;
use crate::plan::journeys::Kind;
use crate::progress::Snapshot;
use crate::stats::{Cell, Recorder, Sample};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Told of each ended request: how an embedder measures more than the report does.
pub(crate) type Observer = Arc<dyn Fn(&Kind, &Answer) + Send + Sync>;

/// The shared state of a run.
pub(crate) struct Shared {
    pub(crate) plan: Arc<Plan>,
    pub(crate) kinds: &'static [Kind],
    pub(crate) ids: Ids,
    pub(crate) counters: Counters,
    pub(crate) gate: Gate,
    pub(crate) pacer: Pacer,
    pub(crate) observer: Option<Observer>,
    meter: Option<Arc<Meter>>,
    recorders: Vec<Mutex<Recorder>>,
    lag_budget: Duration,
}

impl Shared {
    pub(crate) fn new(
        plan: Arc<Plan>,
        kinds: &'static [Kind],
        ids: Ids,
        options: &super::Options,
        threads: usize,
    ) -> Self {
        let recorder = || Mutex::new(Recorder::new(kinds.len(), options.lag_budget));
        Self {
            plan,
            kinds,
            ids,
            counters: Counters::default(),
            gate: Gate::new(options.max_in_flight),
            pacer: Pacer::default(),
            observer: None,
            meter: options.meter.clone(),
            recorders: (0..threads).map(|_| recorder()).collect(),
            lag_budget: options.lag_budget,
        }
    }

    /// An empty recorder of the run's shape.
    pub(crate) fn recorder(&self) -> Recorder {
        Recorder::new(self.kinds.len(), self.lag_budget)
    }

    /// Records an ended request on the recorder of its thread. Returns whether it failed.
    pub(crate) fn record(
        &self,
        thread: usize,
        kind: usize,
        session: u64,
        intended: Instant,
        answer: &Answer,
    ) -> bool {
        let sample = Sample {
            kind,
            intended,
            fired: answer.fired,
            ended: answer.ended,
            outcome: answer.outcome,
            expect: self.kinds[kind].expect,
            trace_id: answer.trace_id,
            session,
        };
        self.recorder_of(thread).record(&sample);
        count(&self.counters.ended);
        let failed = sample.failed();
        if failed {
            count(&self.counters.failed);
        } else if self.kinds[kind].planned_error() {
            count(&self.counters.expected_failures);
        }
        if let Some(meter) = &self.meter {
            meter.observe(&self.kinds[kind], answer);
        }
        if let Some(observer) = &self.observer {
            observer(&self.kinds[kind], answer);
        }
        failed
    }

    /// Takes over the counts of this moment.
    pub(crate) fn show(&self, snapshot: &Snapshot) {
        if let Some(meter) = &self.meter {
            meter.update(snapshot, self.gate.paused_for().is_some());
        }
    }

    fn recorder_of(&self, thread: usize) -> MutexGuard<'_, Recorder> {
        self.recorders[thread].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves what the threads have recorded since the last time into `merged`, and returns the sum of it. Each thread's
    /// recorder is swapped with `spare`, so that a sending thread waits for a pointer, not for a merge.
    pub(crate) fn drain(&self, merged: &mut Recorder, spare: &mut Recorder) -> Cell {
        let mut tick = Cell::default();
        for thread in 0..self.recorders.len() {
            spare.clear();
            std::mem::swap(&mut *self.recorder_of(thread), spare);
            merged.merge(spare);
            spare.add_to(&mut tick);
        }
        tick
    }
}
