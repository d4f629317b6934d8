//! The lenses: each looks at the facts for one kind of thing and says what it sees. None knows of the others, and none
//! says why.

pub mod business;
pub mod database;
pub mod lines;
pub mod machine;
pub mod pipeline;
pub mod processes;
pub mod requests;
pub mod resilience;
mod template;

use crate::{facts::Facts, finding::Finding, traces};

/// What all lenses see, the strongest of each kind first.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let lenses: [fn(&Facts) -> Vec<Finding>; 13] = [
        requests::look,
        requests::edges,
        processes::look,
        database::look,
        resilience::look,
        pipeline::look,
        business::look,
        lines::look,
        traces::time::look,
        traces::origin::look,
        traces::shape::look,
        traces::repeats::look,
        traces::concentration::look,
    ];
    let mut found: Vec<Finding> = lenses.iter().flat_map(|lens| lens(facts)).collect();
    machine::discount(facts, &mut found);
    found.sort_by(|a, b| {
        let strength = b.strength.total_cmp(&a.strength);
        a.sign.cmp(&b.sign).then(strength).then_with(|| a.place.cmp(&b.place))
    });
    found
}
