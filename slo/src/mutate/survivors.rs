//! Changes that no contract notices and that make no difference, each with the reason.

use serde::Deserialize;

use crate::place::{Error, Problem};

/// The list as it was when the program was built.
const EMBEDDED_SURVIVORS: &str = include_str!("../../survivors.toml");

/// Why changes make no difference.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explained {
    /// What stands in the change's words, as [`super::Mutant::told`] says them; `*` stands for anything.
    pub change: String,
    /// The reason.
    pub reason: String,
    /// Whether the changed rules do the same as the right ones, whatever happens: no contract could ever notice.
    #[serde(default)]
    pub equivalent: bool,
}

impl Explained {
    /// Whether it speaks of a change.
    pub fn covers(&self, told: &str) -> bool {
        let mut parts = self.change.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = told.strip_prefix(first) else { return false };
        let mut last = first;
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
            last = part;
        }
        rest.is_empty() || last.is_empty()
    }
}

/// The explanations that the program carries.
pub fn explanations() -> Result<Vec<Explained>, Error> {
    read(EMBEDDED_SURVIVORS)
}

fn read(text: &str) -> Result<Vec<Explained>, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        survivor: Vec<Explained>,
    }
    let file: Result<File, _> = toml::from_str(text);
    let wrong = |line: usize, message: String| Problem::new(line, "", message).in_file("slo/survivors.toml");
    match file {
        Ok(file) => match file.survivor.iter().find(|explained| explained.reason.trim().is_empty()) {
            Some(bare) => Err(wrong(1, format!("{:?} has no reason; say it in a sentence", bare.change))),
            None => Ok(file.survivor),
        },
        Err(error) => {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            Err(wrong(line, error.message().to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_covers_what_it_names() {
        let explained =
            |change: &str| Explained { change: change.into(), reason: "r".into(), equivalent: false };
        let told = "a: slo:errors:increase1h: label x=\"1\" dropped";
        for good in ["*", "a: *dropped", "*slo:errors:*", told] {
            assert!(explained(good).covers(told), "{good}");
        }
        for wrong in ["b: *", "*slo:requests:*", "a: *turned", "a: slo"] {
            assert!(!explained(wrong).covers(told), "{wrong}");
        }
    }

    #[test]
    fn what_is_carried_has_reasons() {
        explanations().expect("a good list");
        let error =
            read("[[survivor]]\nchange = \"x\"\nreason = \" \"\n").expect_err("no reason").to_string();
        assert!(error.contains("no reason"), "{error}");
        assert!(read("[[survivors]]\n").expect_err("a slip").to_string().starts_with("slo/survivors.toml:1"));
    }
}
