//! The scenarios that the program carries.

use super::{Scenario, parse};
use loadgen::{nearest::suggestion, place::Mistake};

/// Each id and its text.
macro_rules! built_in {
    ($($id:literal),* $(,)?) => {
        const BUILT_IN: &[(&str, &str)] =
            &[$(($id, include_str!(concat!("../../scenarios/", $id, ".toml")))),*];
    };
}

built_in![
    "beacon", "canal", "cellar", "chapel", "commons", "forge", "harbour", "pier", "ropewalk", "signal",
    "weir"
];

/// Their ids.
#[must_use]
pub fn ids() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(id, _)| *id).collect()
}

/// All of them.
///
/// # Errors
/// When one of them is none, which a test rules out.
pub fn built_in() -> Result<Vec<Scenario>, Mistake> {
    BUILT_IN.iter().map(|(id, text)| parse(id, &format!("{id}.toml (built in)"), text)).collect()
}

/// The one of this id; else what is said of it, with the nearest ones.
///
/// # Errors
/// The words for a person who named none that there is.
pub fn find(id: &str) -> Result<Scenario, String> {
    let Some((id, text)) = BUILT_IN.iter().find(|(known, _)| *known == id) else {
        return Err(format!("no scenario {id:?}: {}", suggestion(id, &ids())));
    };
    parse(id, &format!("{id}.toml (built in)"), text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use causes::Cause;
    use loadgen::faults;
    use std::collections::BTreeSet;

    #[test]
    fn all_of_them_can_be_read_and_they_differ() {
        let all = built_in().unwrap_or_else(|e| panic!("{e}"));
        let causes: BTreeSet<Cause> = all.iter().map(|scenario| scenario.cause).collect();
        assert_eq!(causes.len(), all.len(), "each has a cause of its own");
        assert!(causes.contains(&Cause::Nothing), "a control");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(files, all.len(), "every file is carried");
    }

    #[test]
    fn nothing_that_is_told_at_the_start_or_by_a_customer_tells_the_truth() {
        for scenario in built_in().unwrap() {
            let told =
                format!("{} {} {}", scenario.id, scenario.brief, scenario.page.complaint).to_lowercase();
            let services = scenario.places.iter().map(|place| place.service.as_str());
            for word in scenario.cause.name().split('-').chain(services) {
                let common = word.len() < 5;
                assert!(common || !told.contains(word), "{}: {word:?} in {told:?}", scenario.id);
            }
        }
    }

    #[test]
    fn whom_a_fault_may_hit_has_a_place_in_the_truth() {
        for scenario in built_in().unwrap() {
            for step in &scenario.steps {
                let fault = faults::load(&step.fault).unwrap_or_else(|e| panic!("{}: {e}", scenario.id));
                for victim in fault.victims.values().flatten() {
                    let truth = scenario.truth(std::iter::once(victim.as_str()));
                    assert!(truth.service.is_some(), "{}: {victim}", scenario.id);
                }
            }
        }
    }

    #[test]
    fn an_unknown_one_is_told_with_the_nearest() {
        assert!(find("harbor").unwrap_err().contains("`harbour`"));
        assert!(find("harbour").is_ok());
    }
}
