//! How this program is called by whoever reads what it prints: a command that is shown can be typed as it stands, also by who has no
//! `firedrill` on the path or a home of their own.

use crate::home::Home;

/// The name where nothing else is known.
const NAME: &str = "firedrill";

/// A command line for the shell: the program as it was called, these words, and the home where it is not the usual one.
#[must_use]
pub fn command<W: AsRef<str>>(home: &Home, words: &[W]) -> String {
    let program = std::env::args_os().next().map(|program| program.to_string_lossy().into_owned());
    line(program.as_deref(), words, home)
}

fn line<W: AsRef<str>>(program: Option<&str>, words: &[W], home: &Home) -> String {
    let program = program.filter(|program| !program.is_empty()).unwrap_or(NAME);
    let mut line = quoted(program);
    for word in words {
        line.push(' ');
        line.push_str(&quoted(word.as_ref()));
    }
    if !home.is_usual() {
        line.push_str(" --home ");
        line.push_str(&quoted(&home.path().to_string_lossy()));
    }
    line
}

/// A word as the shell takes it for one and for nothing else.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_as_it_is_printed() {
        let usual = Home::new(None);
        let asked = ["query", "up == 0"];
        assert_eq!(
            line(Some("target/release/firedrill"), &asked, &usual),
            "target/release/firedrill query 'up == 0'"
        );
        assert_eq!(
            line(Some("/my programs/firedrill"), &["doctor"], &usual),
            "'/my programs/firedrill' doctor"
        );
        assert_eq!(line(None, &["logs", "{a=\"it's\"}"], &usual), r#"firedrill logs '{a="it'\''s"}'"#);
    }

    #[test]
    fn a_home_of_ones_own_is_named() {
        let own = Home::new(Some("/tmp/my home".into()));
        let set = ["ops", "set", "shop", "a.b=4"];
        assert_eq!(line(Some("firedrill"), &set, &own), "firedrill ops set shop a.b=4 --home '/tmp/my home'");
        let usual = Home::new(Some(".firedrill".into()));
        assert_eq!(line(Some("firedrill"), &["doctor"], &usual), "firedrill doctor");
    }
}
