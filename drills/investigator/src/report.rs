//! The reasoning, for people: what was compared, what was seen and how to see it again, what was weighed, and the answer.

use crate::{Report, finding::Finding, verdict::Answer};
use causes::Cause;
use std::fmt::Write as _;

/// The most findings that are told with their evidence.
const TOLD: usize = 24;

/// Makes the words of a command into a line that can be typed.
pub type Typed<'a> = &'a dyn Fn(&[String]) -> String;

impl Report {
    /// The whole reasoning as text.
    #[must_use]
    pub fn text(&self, typed: Typed<'_>) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "Compared {} to {} with {} to {} (UTC).",
            self.periods.baseline.start.clock(),
            self.periods.baseline.end.clock(),
            self.periods.incident.start.clock(),
            self.periods.incident.end.clock()
        );
        for gap in &self.gaps {
            let _ = writeln!(out, "What could not be asked: {gap}");
        }
        self.seen(&mut out, typed);
        if let [best, rest @ ..] = self.verdict.considered.as_slice() {
            let _ = writeln!(out, "\nWeighed");
            for hypothesis in std::iter::once(best).chain(rest) {
                let signs = |signs: &[crate::finding::Sign]| {
                    signs.iter().map(|sign| crate::name(*sign)).collect::<Vec<_>>().join(", ")
                };
                let _ = write!(
                    out,
                    "  {:5.1}  {} at {}: {}",
                    hypothesis.weight,
                    hypothesis.cause,
                    hypothesis.place,
                    signs(&hypothesis.supported_by)
                );
                let _ = match hypothesis.contradicted_by.as_slice() {
                    [] => writeln!(out),
                    against => writeln!(out, "; against it: {}", signs(against)),
                };
            }
        }
        let _ = writeln!(out, "\n{}", self.verdict.answer.text(typed));
        out
    }

    fn seen(&self, out: &mut String, typed: Typed<'_>) {
        let worth: Vec<&Finding> =
            self.verdict.findings.iter().filter(|finding| !crate::says_nothing_alone(finding.sign)).collect();
        if worth.is_empty() {
            let _ = writeln!(out, "Nothing differs by more than it did before.");
            return;
        }
        let _ = writeln!(out, "\nSeen");
        for finding in worth.iter().take(TOLD) {
            let _ = writeln!(out, "  {} at {}: {}", crate::name(finding.sign), finding.place, finding.text);
            if let Some(piece) = finding.evidence.first() {
                let _ = writeln!(out, "      {}", typed(&piece.words()));
            }
        }
        if worth.len() > TOLD {
            let _ = writeln!(out, "  and {} more (--json has them all)", worth.len() - TOLD);
        }
    }
}

impl Answer {
    /// The answer as a sentence, with the commands that show its evidence below it.
    #[must_use]
    pub fn text(&self, typed: Typed<'_>) -> String {
        let place = match (&self.service, &self.operation) {
            (Some(service), Some(operation)) => format!("{service}, {operation}"),
            (Some(service), None) => service.clone(),
            (None, _) => String::new(),
        };
        let mut text = match self.cause {
            Some(Cause::Nothing) => "Nothing is wrong.".to_owned(),
            Some(cause) => format!("{place}: {cause}. {}.", cause.plain()),
            None => format!("{place}: something is wrong, and nothing that is known fits."),
        };
        for piece in &self.evidence {
            text.push_str(&format!("\n  {}", typed(&piece.words())));
        }
        text
    }
}
