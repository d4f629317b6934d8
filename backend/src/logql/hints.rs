//! What a query needs of a line. Stages that read lines take out no more than that, and stop when they have it, so
//! that what is wrong further on in the line is no error; Loki does the same.

use super::ast::{Condition, Format, Grouping, RangeAggregation, RangeOp, Stage};
use super::fields::ERROR;
use super::plan::Plan;

/// What has to be taken out of lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hints {
    nothing: bool,
    /// Names; empty when everything counts.
    required: Vec<String>,
    asks_for_errors: bool,
    /// Conditions on single labels, which are tested as soon as the label is there.
    filters: Vec<(String, Condition)>,
}

impl Hints {
    /// Of a log query: everything counts, but a condition on a label is tested as soon as that is there.
    pub(crate) fn of_lines(plan: &Plan) -> Self {
        Self { filters: plan.rest.iter().filter_map(single).collect(), ..Self::default() }
    }

    /// Of a range aggregation whose series are told apart by `grouping`; `stages` is its pipeline.
    pub(super) fn of(aggregation: &RangeAggregation, grouping: Option<&Grouping>, stages: &[Stage]) -> Self {
        let mut groups = grouping.map(|g| g.labels.clone()).unwrap_or_default();
        let mut without = grouping.is_some_and(|g| g.without);
        let no_labels =
            aggregation.op == RangeOp::Absent || grouping.is_some_and(|g| g.labels.is_empty() && !g.without);
        let mut required: Vec<String> = stages.iter().flat_map(names).collect();
        let mut filters: Vec<(String, Condition)> = stages.iter().filter_map(single).collect();
        if let Some(unwrap) = &aggregation.unwrap {
            required.extend(unwrap.filters.iter().flat_map(Condition::names));
            if let [only] = unwrap.filters.as_slice() {
                filters.extend(single(&Stage::Label(only.clone())));
            }
            if groups.is_empty() || without {
                without = true;
                groups.push(unwrap.label.clone());
            }
            required.push(unwrap.label.clone());
        }
        let is_grouped = !groups.is_empty();
        required.extend(groups);
        // A field may have got its suffix from a label of the same name, or from whoever wrote the line.
        let bare: Vec<String> =
            required.iter().filter_map(|r| r.strip_suffix("_extracted")).map(str::to_owned).collect();
        required.extend(bare);
        required.sort_unstable();
        required.dedup();
        let asks_for_errors = required.iter().any(|r| r == ERROR);
        if no_labels {
            let nothing = required.is_empty();
            return Self { nothing, required, asks_for_errors, filters };
        }
        if without || !is_grouped {
            // Any field may tell series apart.
            return Self { filters, ..Self::default() };
        }
        Self { nothing: false, required, asks_for_errors, filters: Vec::new() }
    }

    pub(super) fn wants_nothing(&self) -> bool {
        self.nothing
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        self.required.is_empty() || self.required.iter().any(|r| r == name)
    }

    /// Whether a field whose name begins so is wanted.
    pub(super) fn wants_below(&self, prefix: &str) -> bool {
        self.required.is_empty() || self.required.iter().any(|r| r.starts_with(prefix))
    }

    pub(super) fn has_all(&self, is_there: impl Fn(&str) -> bool) -> bool {
        !self.required.is_empty() && self.required.iter().all(|r| is_there(r))
    }

    pub(super) fn asks_for_errors(&self) -> bool {
        self.asks_for_errors
    }

    pub(super) fn filter(&self, name: &str) -> Option<&Condition> {
        self.filters.iter().find(|(n, _)| n == name).map(|(_, condition)| condition)
    }
}

/// The labels that a stage looks at by name.
fn names(stage: &Stage) -> Vec<String> {
    match stage {
        Stage::Label(condition) => condition.names(),
        Stage::LineFormat(template) => template.names(),
        Stage::LabelFormat(formats) => {
            let of = |(_, format): &(String, Format)| match format {
                Format::Rename(from) => vec![from.clone()],
                Format::Template(template) => template.names(),
            };
            formats.iter().flat_map(of).collect()
        }
        _ => Vec::new(),
    }
}

/// A condition on one label alone.
fn single(stage: &Stage) -> Option<(String, Condition)> {
    let Stage::Label(condition) = stage else { return None };
    match condition {
        Condition::And(..) | Condition::Or(..) => None,
        Condition::Text { name, .. }
        | Condition::Regex { name, .. }
        | Condition::Number { name, .. }
        | Condition::Ip { name, .. } => Some((name.clone(), condition.clone())),
    }
}
