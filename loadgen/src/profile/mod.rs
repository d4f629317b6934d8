//! Profiles: what kind of traffic, as TOML. Finding them by name or path and holding what they say.
//! Reading and checking the text is in `read`; turning a profile into requests is the plan's work.

mod read;
mod thresholds;

use crate::nearest::suggestion;
use crate::place::Mistake;
use crate::plan::arrivals::Spacing;
use crate::plan::journeys::Journey;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use read::parse;
pub use thresholds::{Limit, Quantity, Threshold, ThresholdError};

/// The profiles the binary carries: name and text.
const BUILT_IN: [(&str, &str); 4] = [
    ("steady", include_str!("../../profiles/steady.toml")),
    ("ramp", include_str!("../../profiles/ramp.toml")),
    ("spike", include_str!("../../profiles/spike.toml")),
    ("daily", include_str!("../../profiles/daily.toml")),
];

/// Largest profile file read. The built-in ones have about 1 KiB.
const LARGEST: u64 = 64 * 1024;

/// A kind of traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// File name without `.toml`.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// Requests a second expected where the level is 1.
    pub rps: f64,
    /// Length of a run, and of one cycle in an endless one.
    pub duration: Duration,
    /// Longest wait for one answer.
    pub timeout: Duration,
    /// How sessions are spaced.
    pub spacing: Spacing,
    /// `(percent of the run, multiple of rps)`, ascending from 0 to 100.
    pub levels: Vec<(f64, f64)>,
    /// Journeys with a weight above zero, in [`Journey::ALL`]'s order.
    pub journeys: Vec<(Journey, f64)>,
    /// Mean pause between the steps of a session.
    pub think: Duration,
    /// How many products are hot.
    pub hot: u64,
    /// Share of interest the hot products get.
    pub hot_share: f64,
    /// What makes the run good.
    pub thresholds: Vec<Threshold>,
}

/// Why there is no profile to run.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Neither built in nor on disk.
    #[error("no profile {name:?}: {suggestion}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest, or all.
        suggestion: String,
    },
    /// The file cannot be read.
    #[error("cannot read profile {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a profile.
    #[error(transparent)]
    Invalid(#[from] Mistake),
}

/// Loads a profile: a path (anything with a slash or ending in `.toml`), else a name looked for in `dirs` in order,
/// then among the built-in ones.
///
/// # Errors
/// When there is none of that name (with the nearest one), or it cannot be read, or says something without meaning.
pub fn load(name_or_path: &str, dirs: &[PathBuf]) -> Result<Profile, ProfileError> {
    if name_or_path.contains(['/', std::path::MAIN_SEPARATOR]) || name_or_path.ends_with(".toml") {
        return load_file(Path::new(name_or_path));
    }
    for dir in dirs {
        let path = dir.join(format!("{name_or_path}.toml"));
        if path.is_file() {
            return load_file(&path);
        }
    }
    match BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
        Some((name, text)) => Ok(parse(name, &format!("{name}.toml (built in)"), text)?),
        None => {
            let known = names_in(dirs);
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let suggestion = suggestion(name_or_path, &known);
            Err(ProfileError::Unknown { name: name_or_path.to_owned(), suggestion })
        }
    }
}

fn load_file(path: &Path) -> Result<Profile, ProfileError> {
    let failed = |source| ProfileError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(failed(std::io::Error::other(format!("larger than {LARGEST} bytes"))));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let name = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    Ok(parse(&name, &path.display().to_string(), &text)?)
}

/// Names of the built-in profiles.
#[must_use]
pub fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// Names of the built-in profiles and of those in `dirs`, sorted, each once.
#[must_use]
pub fn names_in(dirs: &[PathBuf]) -> Vec<String> {
    let mut all: Vec<String> = names().into_iter().map(str::to_owned).collect();
    for entry in dirs.iter().filter_map(|d| std::fs::read_dir(d).ok()).flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "toml") {
            all.extend(path.file_stem().map(|s| s.to_string_lossy().into_owned()));
        }
    }
    all.sort();
    all.dedup();
    all
}
