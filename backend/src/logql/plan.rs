//! The order in which a query's stages run, and what can be told of a line before its entry is looked at.

use super::ast::{LineFilter, LineText, Query, RangeOp, Stage};

/// Stages in the order they run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// The line filters before any other stage: most entries of a search end at the first one.
    pub(super) lines: Vec<LineFilter>,
    pub(super) rest: Vec<Stage>,
}

impl Plan {
    fn of(mut stages: Vec<Stage>) -> Self {
        let first = stages.iter().position(|s| !matches!(s, Stage::Line(_))).unwrap_or(stages.len());
        let rest = stages.split_off(first);
        let lines = stages.into_iter().filter_map(|stage| match stage {
            Stage::Line(filter) => Some(filter),
            _ => None,
        });
        Self { lines: lines.collect(), rest }
    }

    /// A text that every line of the answer holds.
    pub(crate) fn needle(&self) -> Option<&str> {
        self.lines.iter().filter(|filter| filter.keep).find_map(|filter| match filter.texts.as_slice() {
            [LineText::Contains(text)] if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
    }
}

impl Query {
    /// How a log query runs: what looks at the line alone comes before what reads labels out of it, as far back as the line
    /// is the same. To Loki `decolorize` does not change it.
    pub(crate) fn plan(&self) -> Plan {
        plan(&self.stages.iter().collect::<Vec<_>>())
    }

    /// As [`plan`](Self::plan), of a range aggregation: a `line_format` that no later stage reads is left out, unless bytes
    /// are counted. What it makes would be seen by templates alone, and to Loki it is not.
    pub(crate) fn metric_plan(&self, op: RangeOp) -> Plan {
        let reads = |s: &Stage| {
            use Stage::{Json, Line, Logfmt, Pattern, Regexp, Unpack};
            matches!(s, Json(_) | Line(_) | Logfmt { .. } | Pattern(_) | Regexp(_) | Unpack)
        };
        let last_reader = self.stages.iter().rposition(reads);
        let of_bytes = matches!(op, RangeOp::Bytes | RangeOp::BytesRate);
        let is_kept = |(i, stage): &(usize, &Stage)| {
            of_bytes || !matches!(stage, Stage::LineFormat(_)) || last_reader.is_some_and(|last| *i < last)
        };
        plan(&self.stages.iter().enumerate().filter(is_kept).map(|(_, stage)| stage).collect::<Vec<_>>())
    }
}

fn plan(stages: &[&Stage]) -> Plan {
    let (mut all, mut lines, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for stage in stages {
        let is_condition = matches!(stage, Stage::Label(_));
        if is_condition {
            all.append(&mut lines);
            all.append(&mut others);
        }
        match stage {
            Stage::Line(filter) => lines.push(Stage::Line(effective(filter))),
            other => others.push((*other).clone()),
        }
        if is_condition || matches!(stage, Stage::LineFormat(_) | Stage::Unpack) {
            all.append(&mut lines);
            all.append(&mut others);
        }
    }
    all.append(&mut lines);
    all.append(&mut others);
    Plan::of(all)
}

/// A line filter as it works. Of several texts any counts, but to Loki one that every line contains is none of them, and an
/// address is a text like others.
fn effective(filter: &LineFilter) -> LineFilter {
    let LineFilter { keep, mut texts } = filter.clone();
    if keep && texts.len() > 1 {
        for text in &mut texts {
            if let LineText::Ip(filter) = text {
                *text = LineText::Contains(filter.source().to_owned());
            }
        }
        let is_always = |text: &LineText| match text {
            LineText::Contains(text) => text.is_empty(),
            LineText::Matches(regex) => matches!(regex.source(), "" | ".*"),
            LineText::Pattern(_) | LineText::Ip(_) => false,
        };
        if !texts.iter().all(is_always) {
            texts.retain(|text| !is_always(text));
        }
    }
    LineFilter { keep, texts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logql::parse_log;

    fn kinds(plan: &Plan) -> String {
        let kind = |s: &Stage| match s {
            Stage::Line(_) => '=',
            Stage::Label(_) => '?',
            Stage::LineFormat(_) => 'f',
            Stage::Json(_) => 'j',
            Stage::Decolorize => 'd',
            Stage::Unpack => 'u',
            _ => '.',
        };
        plan.lines.iter().map(|_| '=').chain(plan.rest.iter().map(kind)).collect()
    }

    #[test]
    fn line_filters_come_first_as_long_as_the_line_is_the_same() {
        for (query, expected) in [
            (r#"| json |= "a" | a="b" |= "c""#, "=j?="),
            (r#"| decolorize |= "a""#, "=d"),
            (r#"| json | line_format "x" |= "a" | unpack != "b""#, "jf=u="),
        ] {
            let query = parse_log(&format!(r#"{{a="b"}} {query}"#)).expect(query);
            assert_eq!(kinds(&query.plan()), expected);
        }
    }

    #[test]
    fn a_text_that_every_line_has_is_known_beforehand() {
        for (query, needle) in [
            (r#"!= "x" |= "a" or "b" |= "c""#, Some("c")),
            (r#"| json |= "d""#, Some("d")),
            (r#"|= "" |~ "e""#, None),
            (r#"| a="b" |= "f""#, None),
        ] {
            let query = parse_log(&format!(r#"{{a="b"}} {query}"#)).expect(query);
            assert_eq!(query.plan().needle(), needle);
        }
    }

    #[test]
    fn a_line_that_is_made_in_vain_is_not_made() {
        let query =
            parse_log(r#"{a="b"} | line_format "x" | json | line_format "y" | a="b""#).expect("valid");
        assert_eq!(kinds(&query.metric_plan(RangeOp::Count)), "fj?");
        assert_eq!(kinds(&query.metric_plan(RangeOp::Bytes)), "fjf?");
    }
}
