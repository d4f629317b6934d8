//! Holds many contracts against an engine, on as many threads as the machine has processors.

use std::{
    num::NonZero,
    sync::{Mutex, PoisonError, atomic::AtomicUsize, atomic::Ordering},
    thread,
};

use super::{Contract, Routing, Verdict, routed, score};
use crate::engine::{Engine, EngineError};

/// The verdict on each contract, in their order: of what the engine sees, and of whom it reaches by these routes. `done` hears of
/// each as soon as it is there.
pub fn run(
    contracts: &[Contract],
    engine: &dyn Engine,
    routing: &dyn Routing,
    done: &(dyn Fn(&Contract, &Verdict) + Sync),
) -> Result<Vec<Verdict>, EngineError> {
    each(contracts.len(), &|index| {
        let contract = &contracts[index];
        let answer = engine.run(&contract.case(contract.rules()))?;
        let mut verdict = score(contract, &answer);
        verdict.broken.extend(routed(contract, &answer, routing));
        done(contract, &verdict);
        Ok(verdict)
    })
}

/// What `work` makes of each number below `count`, in their order; the first error ends it.
pub(crate) fn each<T: Send>(
    count: usize,
    work: &(dyn Fn(usize) -> Result<T, EngineError> + Sync),
) -> Result<Vec<T>, EngineError> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<T, EngineError>>>> = Mutex::new((0..count).map(|_| None).collect());
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(count);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    let result = work(index);
                    if result.is_err() {
                        next.store(count, Ordering::Relaxed);
                    }
                    results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    // What was not begun comes after an error, so collecting meets the error or has all.
    let mut errors = Vec::new();
    let mut all = Vec::with_capacity(count);
    for result in results.into_iter().flatten() {
        match result {
            Ok(value) => all.push(value),
            Err(error) => errors.push(error),
        }
    }
    errors.into_iter().next().map_or(Ok(all), Err)
}
