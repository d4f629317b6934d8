//! Selectors of a spec, taken apart: which labels fit them, which miss by one, which series they select.

use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{self, Expr},
};

/// A selector, taken apart.
pub(crate) struct Selector {
    pub(super) metric: String,
    pub(super) matchers: Vec<Matcher>,
}

pub(super) type LabelSet = Vec<(String, String)>;

impl Selector {
    pub(crate) fn read(text: &str) -> Self {
        match parser::parse(text) {
            Ok(Expr::VectorSelector(selector)) => Self {
                metric: selector.name.clone().unwrap_or_default(),
                matchers: selector.matchers.matchers,
            },
            // A spec's queries are selectors: its reader has made sure.
            _ => Self { metric: text.to_owned(), matchers: Vec::new() },
        }
    }

    /// Labels that fit, one set for each alternative that a pattern names.
    pub(super) fn fitting(&self) -> Vec<LabelSet> {
        self.sets(|matcher| match &matcher.op {
            MatchOp::Equal => vec![matcher.value.clone()],
            MatchOp::Re(_) => alternatives(&matcher.value),
            MatchOp::NotEqual | MatchOp::NotRe(_) => others_than(matcher),
        })
    }

    /// Sets that fit but for one label: whoever does not ask for that label counts them too.
    pub(super) fn neighbours(&self) -> Vec<LabelSet> {
        let Some(base) = self.fitting().into_iter().next() else { return Vec::new() };
        let stranger = |matcher: &Matcher| match &matcher.op {
            MatchOp::Equal if matcher.name == "le" => "+Inf".to_owned(),
            MatchOp::Equal | MatchOp::Re(_) => "other".to_owned(),
            MatchOp::NotEqual => matcher.value.clone(),
            MatchOp::NotRe(_) => alternatives(&matcher.value).swap_remove(0),
        };
        self.matchers.iter().map(|matcher| with(&base, &matcher.name, stranger(matcher))).collect()
    }

    fn sets(&self, values: impl Fn(&Matcher) -> Vec<String>) -> Vec<LabelSet> {
        let mut sets: Vec<LabelSet> = vec![Vec::new()];
        for matcher in &self.matchers {
            let values = values(matcher);
            sets = sets
                .iter()
                .flat_map(|set| values.iter().map(|v| with(set, &matcher.name, v.clone())))
                .collect();
        }
        sets
    }

    pub(super) fn asks_for(&self, label: &str) -> Option<&Matcher> {
        self.matchers.iter().find(|matcher| matcher.name == label)
    }

    pub(super) fn fits(&self, set: &LabelSet) -> bool {
        let value = |name: &str| set.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
        self.matchers.iter().all(|matcher| matcher.is_match(value(&matcher.name)))
    }

    /// Whether it selects a series, which is given as a selector of itself.
    pub(crate) fn selects(&self, series: &Selector) -> bool {
        let set = series.matchers.iter().map(|m| (m.name.clone(), m.value.clone())).collect();
        self.metric == series.metric && self.fits(&set)
    }

    /// The value that a label must have, where one is named.
    pub(crate) fn value(&self, label: &str) -> Option<&str> {
        let matcher = self.asks_for(label)?;
        (matcher.op == MatchOp::Equal).then_some(matcher.value.as_str())
    }

    pub(super) fn named(&self, set: &LabelSet) -> String {
        let labels: Vec<String> = set.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("{}{{{}}}", self.metric, labels.join(","))
    }
}

pub(super) fn with(set: &LabelSet, name: &str, value: String) -> LabelSet {
    let mut set: LabelSet = set.iter().filter(|(n, _)| n != name).cloned().collect();
    set.push((name.to_owned(), value));
    set
}

/// A value for each alternative of a pattern such as `5..|error`, and two where any character will do: whoever adds
/// series up is told apart from whoever takes one of them.
pub(super) fn alternatives(pattern: &str) -> Vec<String> {
    let values = |alternative: &str| {
        let first = alternative.replace('.', "0");
        let second = alternative.strip_suffix('.').map(|rest| rest.replace('.', "0") + "3");
        [Some(first), second].into_iter().flatten().collect::<Vec<_>>()
    };
    pattern.split('|').flat_map(values).collect()
}

/// Values that a matcher lets through which excludes something.
fn others_than(matcher: &Matcher) -> Vec<String> {
    let mut values = ["200", "201", "ok", "else"].map(str::to_owned).to_vec();
    values.retain(|value| matcher.is_match(value));
    values.truncate(2);
    values
}
