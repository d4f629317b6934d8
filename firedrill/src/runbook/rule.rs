//! Which answer is abnormal: `> 0.05`, `> 3 x before and > 0.1`, `any`, `none`.

use std::fmt;

use query::Labels;

/// When an answer is abnormal.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// There is an answer.
    Any,
    /// There is none.
    Nothing,
    /// All of these hold of one value.
    Each(Vec<Condition>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Condition {
    compare: Compare,
    bound: f64,
    /// The bound is so many times what the same series was before.
    times_before: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    More,
    AtLeast,
    Less,
    AtMost,
    Equal,
    Other,
}

/// Longer ones first: each is looked for at the beginning.
const SIGNS: [(&str, Compare); 6] = [
    (">=", Compare::AtLeast),
    ("<=", Compare::AtMost),
    ("==", Compare::Equal),
    ("!=", Compare::Other),
    (">", Compare::More),
    ("<", Compare::Less),
];

/// What a rule is compared with the time before by.
const BEFORE: &str = "x before";

/// One value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// What tells it from the others.
    pub labels: Labels,
    /// The number.
    pub value: f64,
}

/// What a rule says of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is abnormal.
    pub abnormal: bool,
    /// Which of its values are, by position.
    pub marked: Vec<usize>,
}

impl Rule {
    /// Reads a rule; the error says what would be one.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let kind = match text {
            "any" => Kind::Any,
            "none" => Kind::Nothing,
            _ => Kind::Each(text.split(" and ").map(condition).collect::<Option<_>>().ok_or_else(|| {
                format!("{text:?} is no rule; write `> 0.05`, `> 3 x before and > 0.1`, `any` or `none`")
            })?),
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// Judges an answer beside that of the time before. A value that was not there before was zero; what is no number is no answer.
    #[must_use]
    pub fn judge(&self, now: &[Value], before: &[Value]) -> Verdict {
        let numbers = || now.iter().enumerate().filter(|(_, value)| !value.value.is_nan());
        let marked: Vec<usize> = match &self.kind {
            Kind::Nothing => return Verdict { abnormal: numbers().next().is_none(), marked: Vec::new() },
            Kind::Any => numbers().map(|(at, _)| at).collect(),
            Kind::Each(conditions) => {
                let hold = |value: &Value| {
                    let was = was(before, &value.labels);
                    conditions.iter().all(|condition| condition.holds(value.value, was))
                };
                numbers().filter(|(_, value)| hold(value)).map(|(at, _)| at).collect()
            }
        };
        Verdict { abnormal: !marked.is_empty(), marked }
    }
}

/// What the same series was before.
fn was(before: &[Value], labels: &Labels) -> f64 {
    let same = before.iter().find(|value| value.labels == *labels);
    same.map_or(0.0, |value| if value.value.is_nan() { 0.0 } else { value.value })
}

impl Condition {
    fn holds(self, value: f64, before: f64) -> bool {
        let bound = if self.times_before { self.bound * before } else { self.bound };
        match self.compare {
            Compare::More => value > bound,
            Compare::AtLeast => value >= bound,
            Compare::Less => value < bound,
            Compare::AtMost => value <= bound,
            Compare::Equal => value == bound,
            Compare::Other => value != bound,
        }
    }
}

fn condition(text: &str) -> Option<Condition> {
    let text = text.trim();
    let (rest, compare) =
        SIGNS.iter().find_map(|(sign, compare)| Some((text.strip_prefix(sign)?.trim(), *compare)))?;
    let (number, times_before) = match rest.strip_suffix(BEFORE) {
        Some(number) => (number.trim_end(), true),
        None => (rest, false),
    };
    let bound: f64 = number.parse().ok().filter(|bound: &f64| bound.is_finite())?;
    Some(Condition { compare, bound, times_before })
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, value: f64) -> Value {
        Value { labels: Labels::from([("peer".to_owned(), name.to_owned())]), value }
    }

    fn marked(rule: &str, now: &[Value], before: &[Value]) -> Vec<usize> {
        let verdict = Rule::parse(rule).expect("a rule").judge(now, before);
        assert_eq!(verdict.abnormal, !verdict.marked.is_empty(), "{rule}");
        verdict.marked
    }

    #[test]
    fn each_value_is_held_against_the_bound() {
        let now = [value("a", 0.01), value("b", 0.2), value("c", f64::NAN)];
        assert_eq!(marked("> 0.05", &now, &[]), [1]);
        assert_eq!(marked("<= 0.01", &now, &[]), [0]);
        assert_eq!(marked("!= 0.2", &now, &[]), [0], "what is no number is no answer");
        assert_eq!(marked("any", &now, &[]), [0, 1]);
        assert!(marked("any", &[], &[]).is_empty());
    }

    #[test]
    fn a_value_is_held_against_what_the_same_series_was_before() {
        let now = [value("a", 0.3), value("b", 0.3), value("c", 0.3)];
        let before = [value("b", 0.01), value("a", 0.2), value("c", f64::NAN)];
        assert_eq!(marked("> 3 x before and > 0.1", &now, &before), [1, 2], "c was nothing before");
        assert!(marked("> 3 x before and > 0.5", &now, &before).is_empty());
        assert_eq!(marked("< 1 x before", &[value("a", 0.1)], &before), [0]);
    }

    #[test]
    fn no_answer_can_be_what_is_abnormal() {
        let rule = Rule::parse("none").expect("a rule");
        assert!(rule.judge(&[], &[value("a", 1.0)]).abnormal);
        assert!(rule.judge(&[value("a", f64::NAN)], &[]).abnormal);
        assert!(!rule.judge(&[value("a", 0.0)], &[]).abnormal);
    }

    #[test]
    fn what_is_no_rule_is_refused_with_one_that_is() {
        for wrong in ["", "0.5", "> many", "> 3x", "> 3 times before", "any and > 1", "> NaN"] {
            let error = Rule::parse(wrong).expect_err(wrong);
            assert!(error.contains("x before"), "{wrong}: {error}");
        }
        assert_eq!(
            Rule::parse(" > 3 x before and > 1 ").expect("a rule").to_string(),
            "> 3 x before and > 1"
        );
    }
}
