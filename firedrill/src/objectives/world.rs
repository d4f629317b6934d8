//! What rules may refer to: the metrics of a stack, the bounds of its histograms, runbooks and dashboards.

use std::collections::BTreeSet;

use telemetry::metrics::DURATION_BUCKETS;

use crate::{
    dashboards::{catalogue::catalogue, folder::Folder},
    failure::Failure,
    runbook::library,
};

/// A stack as this program knows it.
#[derive(Debug)]
pub struct World {
    dashboards: Vec<String>,
    /// The files of the runbooks.
    runbooks: BTreeSet<String>,
}

impl World {
    /// With the dashboards and runbooks on disk, else those that the program carries.
    pub fn open() -> Result<Self, Failure> {
        let uid = |json: &serde_json::Value| json["uid"].as_str().map(str::to_owned);
        let dashboards = Folder::open(None)?.files.iter().filter_map(|file| uid(&file.json)).collect();
        Ok(Self { dashboards, runbooks: library::pages()?.into_keys().collect() })
    }
}

impl slo::lint::World for World {
    fn metric(&self, name: &str) -> bool {
        catalogue().get(name).is_some()
    }

    fn nearest(&self, name: &str) -> Option<String> {
        catalogue().nearest(name).map(str::to_owned)
    }

    fn bucket(&self, bound: f64) -> bool {
        DURATION_BUCKETS.contains(&bound)
    }

    fn runbook(&self, path: &str) -> bool {
        path.strip_prefix("runbooks/").is_some_and(|name| self.runbooks.contains(name))
    }

    fn dashboard(&self, uid: &str) -> bool {
        self.dashboards.iter().any(|known| known == uid)
    }
}

#[cfg(test)]
mod tests {
    use slo::{
        generate::{self, Speed},
        lint::World as _,
    };

    use super::*;

    #[test]
    fn the_generated_rules_refer_only_to_what_exists() {
        // A test runs in the package's folder: it sees what the program carries.
        let slos = slo::files::specs(None).expect("good specs");
        let files = generate::files(&slos, Speed::REAL);
        let groups: Vec<_> = files.into_iter().flat_map(|file| file.groups).collect();
        let findings = slo::lint::lint(&groups, &World::open().expect("dashboards"));
        assert_eq!(findings, [], "{findings:#?}");
    }

    #[test]
    fn a_runbook_that_is_not_there_is_not_known() {
        let world = World::open().expect("dashboards and runbooks");
        assert!(world.runbook("runbooks/OrderPlacementFails.md"));
        assert!(!world.runbook("runbooks/Other.md") && !world.runbook("OrderPlacementFails.md"));
    }
}
