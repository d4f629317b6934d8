//! Which programs the real stack is made of and at which versions: `stack/versions`, read. Pure.

use std::{fmt, str::FromStr};

/// The one place where versions are written down.
const TABLE: &str = include_str!("../../../stack/versions");

/// A version as programs write it: numbers between dots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl FromStr for Version {
    type Err = ();

    /// Reads `3.15.0` and `v3.15.0`; what follows a `-` or `+`, such as `-rc.1`, is left out.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        let parts: Result<Vec<u32>, _> = numbers.split('.').map(str::parse).collect();
        match parts {
            Ok(parts) if parts.len() >= 2 => Ok(Self(parts)),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

impl Version {
    /// The first version in what a program says of itself.
    pub fn find_in(said: &str) -> Option<Self> {
        said.split(|c: char| c.is_whitespace() || "\",:()".contains(c)).find_map(|word| word.parse().ok())
    }
}

/// One program of the real stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name, as it is called on the command line.
    pub name: &'static str,
    /// The version that the project builds and tests.
    pub pinned: Version,
    /// The oldest version that does.
    pub oldest: Version,
    /// Whether `stack/native/build` can build it.
    pub buildable: bool,
}

/// All programs, in the order of the table.
pub fn programs() -> Vec<Program> {
    TABLE.lines().filter_map(line).collect()
}

/// The line of one program.
pub fn program(name: &str) -> Option<Program> {
    programs().into_iter().find(|program| program.name == name)
}

fn line(text: &'static str) -> Option<Program> {
    let columns: Vec<&str> = text.split_whitespace().collect();
    match columns.as_slice() {
        [name, pinned, oldest, _folder, package, _image] if !name.starts_with('#') => Some(Program {
            name,
            pinned: pinned.parse().ok()?,
            oldest: oldest.parse().ok()?,
            buildable: *package != "-",
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = TABLE.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')).count();
        assert_eq!(programs().len(), lines);
        for program in programs() {
            assert!(program.oldest <= program.pinned, "{program:?}");
        }
    }

    #[test]
    fn versions_compare_by_number_and_not_by_text() {
        assert!(version("0.158.0") > version("0.31.1"));
        assert!(version("2.9.0") < version("v2.13.0"));
        assert_eq!(version("3.0.0-rc.1"), version("3.0.0"), "what follows the numbers is left out");
    }

    #[test]
    fn a_version_is_found_in_each_programs_own_words() {
        for (said, expected) in [
            ("prometheus, version 3.15.0 (branch: , revision: unknown)\n  build user:", "3.15.0"),
            ("loki, version 3.7.8 (branch: , revision: )", "3.7.8"),
            ("otelcol version 0.158.0", "0.158.0"),
            (r#"{"gitCommit":"","gitVersion":"v2.13.0","buildDate":""}"#, "2.13.0"),
            ("Version 12.4.0 (commit: abc, branch: HEAD)", "12.4.0"),
        ] {
            assert_eq!(Version::find_in(said), Some(version(expected)), "{said}");
        }
        assert_eq!(Version::find_in("usage: loki <options>"), None);
    }
}
