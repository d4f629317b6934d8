//! What a running stack knows of alerts: the rules made from the objectives, and who is told of them, both at one speed.
//!
//! The programs read it from the folder of configurations: Prometheus and the embedded backend the rules, Alertmanager and the
//! built-in one the routes.

use std::{fs, io, path::Path, time::Duration};

use jiff::SignedDuration;
use slo::generate::{self, File, Speed};

use crate::{
    failure::Failure,
    native::files::{self, ALERTMANAGER, CHECKOUT, RULES},
};

/// What is shorter than this is for machines: nobody reads three notifications a second.
const SHORTEST: Duration = Duration::from_secs(1);

/// The rules and the routes of a stack.
#[derive(Clone, Debug)]
pub struct Alerts {
    /// Files of rules.
    pub rules: Vec<File>,
    /// Alertmanager's configuration.
    pub alertmanager: String,
}

impl Alerts {
    /// Those of the objectives and of the routes on disk, else of those that the program carries.
    ///
    /// # Errors
    /// An objective has a mistake, or a file cannot be read.
    pub fn at(speed: Speed) -> Result<Self, Failure> {
        let rules = generate::files(&slo::files::specs(None)?, speed);
        let routes = files::text(CHECKOUT.as_ref(), ALERTMANAGER)
            .map_err(|error| Failure::environment(format!("cannot read {error}")))?;
        Ok(Self { rules, alertmanager: sooner(&routes, speed) })
    }

    /// Writes them below the folder of configurations; files of rules that are there already and wanted no more are removed.
    ///
    /// # Errors
    /// A file cannot be written; the message names it.
    pub fn write(&self, configurations: &Path) -> io::Result<()> {
        let folder = configurations.join(RULES);
        for file in &self.rules {
            whole(&folder.join(&file.name), &file.text)?;
        }
        for entry in fs::read_dir(&folder).map_err(|error| files::about(&folder, &error))?.flatten() {
            let wanted = self.rules.iter().any(|file| *file.name == *entry.file_name());
            if !wanted {
                fs::remove_file(entry.path()).map_err(|error| files::about(&entry.path(), &error))?;
            }
        }
        whole(&configurations.join(ALERTMANAGER), &self.alertmanager)
    }
}

/// At once and whole: a program that reads meanwhile sees the old file or the new one.
fn whole(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| crate::home::write_whole(path, text));
    written.map_err(|error| files::about(path, &error))
}

/// The routes with all waiting divided by the speed: an alert of a minute is not held back for one.
fn sooner(routes: &str, speed: Speed) -> String {
    if speed == Speed::REAL {
        return routes.to_owned();
    }
    routes
        .split_inclusive('\n')
        .map(|line| sooner_line(line, speed).unwrap_or_else(|| line.to_owned()))
        .collect()
}

fn sooner_line(line: &str, speed: Speed) -> Option<String> {
    let (key, value) = line.split_once(": ")?;
    let waits = ["group_wait", "group_interval", "repeat_interval"].contains(&key.trim_start());
    let waiting = value.trim_end().parse::<SignedDuration>().ok().filter(|_| waits)?;
    let shorter = Duration::try_from(waiting / i32::try_from(speed.times()).ok()?).ok()?;
    Some(format!("{key}: {}ms\n", shorter.max(SHORTEST).as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed(times: u32) -> Speed {
        Speed::new(times).expect("possible")
    }

    #[test]
    fn the_routes_wait_as_much_less_as_the_rules_and_never_less_than_a_second() {
        let routes =
            "route:\n  receiver: a\n  group_wait: 2m\n  repeat_interval: 1h\n  group_interval: 10s\n";
        assert_eq!(sooner(routes, Speed::REAL), routes);
        let expected = "route:\n  receiver: a\n  group_wait: 2000ms\n  repeat_interval: 60000ms\n  group_interval: 1000ms\n";
        assert_eq!(sooner(routes, speed(60)), expected);
    }

    #[test]
    fn what_is_written_is_read_by_those_who_use_it_at_any_speed() {
        let dir = tempfile::tempdir().expect("a folder");
        for times in [1, 60] {
            let old = dir.path().join(RULES).join("old.yaml");
            fs::create_dir_all(old.parent().expect("a folder")).expect("made");
            fs::write(&old, "groups: []\n").expect("written");
            Alerts::at(speed(times)).expect("good").write(dir.path()).expect("written");
            assert!(!old.exists(), "a rule of an older version is not loaded beside the new ones");
            let rules =
                backend::RuleFiles::read(vec![dir.path().join(RULES).join("*.yaml")]).expect("rules").rules();
            assert!(rules > 500, "{rules}");
            backend::check_alertmanager_file(&dir.path().join(ALERTMANAGER)).expect("routes");
            let text = fs::read_to_string(dir.path().join(ALERTMANAGER)).expect("there");
            assert_eq!(text.contains("ms\n"), times != 1, "{text}");
        }
    }
}
