//! What a LogQL query says, as the parser found it.

use super::ip::IpFilter;
use super::json::Path;
use super::label_regex::LabelRegex;
use super::pattern::Pattern as LinePattern;
use super::template::Template;
use crate::labels::Labels;
use crate::matcher::{GoRegex, Matcher, Op};

/// A query of either kind.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Log(Query),
    Metric(Metric),
}

/// A log query.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) selector: Vec<Matcher>,
    pub(crate) stages: Vec<Stage>,
}

/// One step of the pipeline.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    Line(LineFilter),
    Label(Condition),
    Json(Vec<(String, Path)>),
    /// `--strict`, `--keep-empty`, and the fields that are asked for (all when none).
    Logfmt {
        strict: bool,
        keep_empty: bool,
        fields: Vec<(String, String)>,
    },
    Regexp(GoRegex),
    Pattern(LinePattern),
    Unpack,
    LineFormat(Template),
    LabelFormat(Vec<(String, Format)>),
    Drop(Vec<Choice>),
    Keep(Vec<Choice>),
    Decolorize,
}

/// How `label_format` makes a label.
#[derive(Debug, Clone)]
pub(crate) enum Format {
    Rename(String),
    Template(Template),
}

/// A label named by `drop` or `keep`, perhaps with what its value has to be.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) op: Option<Op>,
}

/// Keeps lines that contain (or match) any of the texts, or none of them.
#[derive(Debug, Clone)]
pub(crate) struct LineFilter {
    pub(crate) keep: bool,
    pub(crate) texts: Vec<LineText>,
}

#[derive(Debug, Clone)]
pub(crate) enum LineText {
    Contains(String),
    Matches(GoRegex),
    Pattern(LinePattern),
    Ip(IpFilter),
}

/// A condition on labels, metadata and extracted fields.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Text { name: String, op: Op },
    Regex { name: String, keep: bool, regex: LabelRegex },
    Number { name: String, op: Compare, value: f64, unit: Unit },
    Ip { name: String, keep: bool, filter: IpFilter },
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

impl Condition {
    /// The labels it looks at.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Text { name, .. }
            | Self::Regex { name, .. }
            | Self::Number { name, .. }
            | Self::Ip { name, .. } => vec![name.clone()],
            Self::And(a, b) | Self::Or(a, b) => [a.names(), b.names()].concat(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Compare {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    pub(crate) fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Self::Equal => a == b,
            Self::NotEqual => a != b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
        }
    }
}

/// What a compared value is measured in; the label's text is read the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Plain,
    Seconds,
    Bytes,
}

/// A metric query.
#[derive(Debug, Clone)]
pub(crate) enum Metric {
    Number(f64),
    /// `vector(2)`: a series without labels.
    Vector(f64),
    Range(Box<RangeAggregation>),
    Aggregate {
        op: Aggregate,
        count: usize,
        grouping: Grouping,
        inner: Box<Metric>,
    },
    Binary {
        op: Binary,
        is_bool: bool,
        matching: Matching,
        left: Box<Metric>,
        right: Box<Metric>,
    },
    LabelReplace {
        inner: Box<Metric>,
        to: String,
        replacement: String,
        from: String,
        regex: GoRegex,
    },
}

/// A function over the lines of a window.
#[derive(Debug, Clone)]
pub(crate) struct RangeAggregation {
    pub(crate) op: RangeOp,
    /// The parameter of `quantile_over_time`.
    pub(crate) quantile: f64,
    pub(crate) query: Query,
    pub(crate) unwrap: Option<Unwrap>,
    pub(crate) range_ns: i64,
    pub(crate) offset_ns: i64,
    pub(crate) grouping: Option<Grouping>,
}

/// Which label is the sample's value, and what may be asked of it afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Unwrap {
    pub(crate) label: String,
    pub(crate) unit: Unit,
    /// The function around the label: `bytes`, `duration`, `duration_seconds`.
    pub(crate) conversion: Option<&'static str>,
    pub(crate) filters: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RangeOp {
    Count,
    Rate,
    RateCounter,
    Bytes,
    BytesRate,
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    Stddev,
    Stdvar,
    Quantile,
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    Sort,
    SortDesc,
}

/// Which labels of a series tell groups apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Grouping {
    pub(crate) without: bool,
    pub(crate) labels: Vec<String>,
}

impl Grouping {
    pub(crate) fn keeps(&self, name: &str) -> bool {
        self.labels.iter().any(|l| l == name) != self.without
    }

    pub(crate) fn of(&self, labels: &Labels) -> Labels {
        let group = labels.filter(|name| self.keeps(name));
        if self.without { group.without_empty() } else { group }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Compare(Compare),
    And,
    Or,
    Unless,
}

impl Binary {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Compare(compare) => compare.symbol(),
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        }
    }

    pub(crate) fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

/// How series of both sides find each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matching {
    /// `on` when true, `ignoring` when not; without either all labels count.
    pub(crate) on: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) many: Many,
    /// Labels that `group_left` and `group_right` take from the side that is one.
    pub(crate) include: Vec<String>,
}

impl Matching {
    /// The labels that have to be equal.
    pub(crate) fn key(&self, labels: &Labels) -> Labels {
        labels.filter(|name| self.labels.iter().any(|l| l == name) == self.on).without_empty()
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Many {
    #[default]
    Neither,
    Left,
    Right,
}

impl Query {
    /// Equalities that every answer satisfies and that speak of metadata: conditions before any stage that makes labels.
    pub(crate) fn exact_metadata(&self) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        for stage in &self.stages {
            match stage {
                Stage::Label(condition) => collect_exact(condition, &mut found),
                Stage::Line(_) | Stage::Decolorize => {}
                // From here on a name may mean something else.
                _ => break,
            }
        }
        found
    }
}

fn collect_exact<'q>(condition: &'q Condition, found: &mut Vec<(&'q str, &'q str)>) {
    match condition {
        Condition::Text { name, op: Op::Equal(value) } if !value.is_empty() => found.push((name, value)),
        Condition::And(a, b) => {
            collect_exact(a, found);
            collect_exact(b, found);
        }
        _ => {}
    }
}
