//! The configurations of the real stack: carried by this program, overridden by the folders of a checkout, and
//! laid out where the programs read them. Some of them the embedded backend reads, too.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The configuration of Alertmanager, the real one and the built-in one.
pub const ALERTMANAGER: &str = "stack/alertmanager/alertmanager.yaml";

/// Where a checkout is that overrides what the program carries: the current directory.
pub const CHECKOUT: &str = ".";

/// Each file by its path in the repository.
const CARRIED: [(&str, &str); 6] = [
    ("otel-collector/config.yaml", include_str!("../../../otel-collector/config.yaml")),
    ("otel-collector/tail-sampling.yaml", include_str!("../../../otel-collector/tail-sampling.yaml")),
    ("stack/prometheus/prometheus.yaml", include_str!("../../../stack/prometheus/prometheus.yaml")),
    (ALERTMANAGER, include_str!("../../../stack/alertmanager/alertmanager.yaml")),
    ("stack/loki/loki.yaml", include_str!("../../../stack/loki/loki.yaml")),
    ("stack/jaeger/jaeger.yaml", include_str!("../../../stack/jaeger/jaeger.yaml")),
];

/// Where the files of rules lie among them; [`crate::objectives::laid_out`] makes those.
pub const RULES: &str = "stack/prometheus/rules/";

/// Whether the embedded backend reads a file, too.
pub fn is_read_by_the_backend(name: &str) -> bool {
    name == ALERTMANAGER
}

/// The text of a configuration: the file below `checkout`, else what this program carries.
///
/// # Errors
/// The file cannot be read, or there is no configuration of this name; the message names it.
pub fn text(checkout: &Path, name: &str) -> io::Result<String> {
    match fs::read_to_string(checkout.join(name)) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let carried = CARRIED.iter().find(|(known, _)| *known == name);
            carried.map(|(_, text)| (*text).to_owned()).ok_or_else(|| about(Path::new(name), &error))
        }
        Err(error) => Err(about(&checkout.join(name), &error)),
    }
}

/// Writes every configuration that is `wanted` below `to`, taking the one below `checkout` where there is one.
///
/// What lay there before is removed: a rule file of an older version must not be loaded beside the new one.
///
/// # Errors
/// A file cannot be read or written; the message names it.
pub fn lay_out(to: &Path, checkout: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<()> {
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(about(to, &error)),
        _ => {}
    }
    for (name, _) in CARRIED.into_iter().filter(|(name, _)| wanted(name)) {
        let path = to.join(name);
        let text = text(checkout, name)?;
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| about(&path, &error))?;
    }
    Ok(())
}

/// The error with the path that it is about.
pub(crate) fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_checkout_overrides_the_carried_one() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (checkout, to) = (dir.path().join("checkout"), dir.path().join("to"));
        fs::create_dir_all(checkout.join("stack/loki")).expect("made");
        fs::write(checkout.join("stack/loki/loki.yaml"), "mine: true\n").expect("written");
        lay_out(&to, &checkout, |_| true).expect("laid out");
        let read = |name: &str| fs::read_to_string(to.join(name)).expect(name);
        assert_eq!(read("stack/loki/loki.yaml"), "mine: true\n");
        assert_eq!(read("stack/jaeger/jaeger.yaml"), CARRIED[5].1);
    }

    #[test]
    fn the_embedded_backend_gets_what_it_reads_alone() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let to = dir.path().join("to");
        lay_out(&to, dir.path(), is_read_by_the_backend).expect("laid out");
        assert!(to.join(ALERTMANAGER).is_file());
        assert!(!to.join("stack/loki").exists());
    }

    #[test]
    fn what_an_older_version_left_is_gone() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let old = dir.path().join("to/stack/prometheus/rules/old.yaml");
        fs::create_dir_all(old.parent().expect("below something")).expect("made");
        fs::write(&old, "groups: []\n").expect("written");
        lay_out(&dir.path().join("to"), dir.path(), |_| true).expect("laid out");
        assert!(!old.exists());
    }
}
