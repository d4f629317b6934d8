//! What rules may refer to: the metrics of a stack, the bounds of its histograms, runbooks and dashboards.

use std::path::Path;

use telemetry::metrics::DURATION_BUCKETS;

use crate::{
    dashboards::{catalogue::catalogue, folder::Folder},
    failure::Failure,
};

include!(concat!(env!("OUT_DIR"), "/embedded_runbooks.rs"));

/// The folder of a checkout, which overrides what the program carries.
const ON_DISK: &str = "runbooks";

/// A stack as this program knows it.
#[derive(Debug)]
pub struct World {
    dashboards: Vec<String>,
}

impl World {
    /// With the dashboards on disk, else those that the program carries.
    pub fn open() -> Result<Self, Failure> {
        let uid = |json: &serde_json::Value| json["uid"].as_str().map(str::to_owned);
        let dashboards = Folder::open(None)?.files.iter().filter_map(|file| uid(&file.json)).collect();
        Ok(Self { dashboards })
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
        let Some(name) = path.strip_prefix("runbooks/") else { return false };
        match Path::new(ON_DISK).is_dir() {
            true => Path::new(ON_DISK).join(name).is_file(),
            false => EMBEDDED_RUNBOOKS.iter().any(|(known, _)| *known == name),
        }
    }

    fn dashboard(&self, uid: &str) -> bool {
        self.dashboards.iter().any(|known| known == uid)
    }
}

/// The runbook of an alert: the one on disk, else the one that the program carries.
pub fn runbook(alert: &str) -> Option<String> {
    let name = format!("{alert}.md");
    std::fs::read_to_string(Path::new(ON_DISK).join(&name)).ok().or_else(|| {
        let carried = EMBEDDED_RUNBOOKS.iter().find(|(known, _)| *known == name);
        carried.map(|(_, text)| (*text).to_owned())
    })
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
    fn every_runbook_belongs_to_an_alert_and_says_what_to_do() {
        let slos = slo::files::specs(None).expect("good specs");
        for (name, text) in EMBEDDED_RUNBOOKS {
            let alert = name.trim_end_matches(".md");
            let known = alert == generate::SILENT || slos.iter().any(|slo| slo.alert == alert);
            assert!(known || alert == "README", "{name} belongs to no alert");
            if !known {
                continue;
            }
            assert!(text.starts_with(&format!("# {alert}\n")), "{name} is not headed by its alert");
            for part in ["Meaning", "Impact", "Diagnosis", "Mitigation"] {
                let heading = format!("\n## {part}\n");
                assert_eq!(text.matches(&heading).count(), 1, "{name} lacks {part}");
            }
            assert!(runbook(alert).is_some());
        }
        assert!(!World::open().expect("dashboards").runbook("runbooks/Other.md"));
    }
}
