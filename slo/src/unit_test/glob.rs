//! Names of files with `*`, `?` and `[…]`, as Go's `filepath.Glob` understands them: within one folder's names, never across.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// The files that a path with wildcards means, in the order of their names; one without is itself where it is there.
pub(super) fn files(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let wanted = component.as_os_str().to_string_lossy();
        let wild = matches!(component, Component::Normal(_)) && wanted.contains(['*', '?', '[', '\\']);
        found = match wild {
            true => found.iter().flat_map(|folder| fitting(folder, &wanted)).collect(),
            false => {
                found.into_iter().map(|folder| folder.join(component)).filter(|path| path.exists()).collect()
            }
        };
    }
    found
}

fn fitting(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(here).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| fits(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>()))
        .collect();
    names.sort();
    names.into_iter().map(|name| folder.join(name)).collect()
}

fn fits(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=name.len()).any(|taken| fits(rest, &name[taken..])),
        (['?', rest @ ..], [_, name @ ..]) => fits(rest, name),
        (['\\', wanted, rest @ ..], [c, name @ ..]) => wanted == c && fits(rest, name),
        (['[', rest @ ..], [c, name @ ..]) => match rest.iter().position(|c| *c == ']') {
            Some(end) if end > 0 => class(&rest[..end], *c) && fits(&rest[end + 1..], name),
            _ => false,
        },
        ([wanted, rest @ ..], [c, name @ ..]) => wanted == c && fits(rest, name),
        _ => false,
    }
}

/// `a-z_` or `^a-z_`.
fn class(class: &[char], c: char) -> bool {
    let (negated, mut rest) = match class {
        ['^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut found = false;
    loop {
        rest = match rest {
            [low, '-', high, rest @ ..] => {
                found |= (*low..=*high).contains(&c);
                rest
            }
            [one, rest @ ..] => {
                found |= *one == c;
                rest
            }
            [] => return found != negated,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stay_within_a_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("sub")).expect("a folder");
        for name in ["a.yaml", "b1.yaml", "b2.yml", "sub/c.yaml"] {
            fs::write(dir.path().join(name), "").expect("written");
        }
        let named = |pattern: &str| {
            let found = files(&dir.path().join(pattern)).into_iter();
            found
                .map(|path| path.strip_prefix(dir.path()).expect("below").display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(named("*.yaml"), ["a.yaml", "b1.yaml"]);
        assert_eq!(named("b[0-9].y*ml"), ["b1.yaml", "b2.yml"]);
        assert_eq!(named("[^b]?yaml"), ["a.yaml"]);
        assert_eq!(named("s*/*.yaml"), ["sub/c.yaml"]);
        assert_eq!(named("sub/../a.yaml"), ["sub/../a.yaml"]);
        assert!(named("none.yaml").is_empty() && named("*/none").is_empty());
    }
}
