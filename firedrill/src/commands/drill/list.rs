//! `firedrill drill list`.

use drills::scenario;

use super::output;
use crate::{
    cli::DrillList,
    failure::{Code, Failure, Outcome},
};

/// Lists them: neither their names nor their order tell anything.
pub(super) fn run(options: &DrillList, json: bool) -> Outcome {
    let ids = scenario::ids();
    let mut listed = Vec::new();
    for id in scenario::order(options.seed, &ids) {
        let found = scenario::find(id).map_err(Failure::not_good)?;
        let brief = found.brief.lines().next().unwrap_or_default().to_owned();
        listed.push((found.id, found.difficulty.name(), brief));
    }
    if json {
        let drills = listed.iter().map(
            |(id, difficulty, brief)| serde_json::json!({"id": id, "difficulty": difficulty, "brief": brief}),
        );
        output::json(&serde_json::json!({"drills": drills.collect::<Vec<_>>()}));
    } else {
        let lines = listed.iter().map(|(id, difficulty, brief)| format!("{id:<12}{difficulty:<9}{brief}"));
        output::print(&lines.collect::<Vec<_>>().join("\n"));
    }
    Ok(Code::Good)
}
