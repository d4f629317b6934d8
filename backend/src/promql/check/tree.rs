//! What was read of a query: as much of it as its types are checked by, with places.

use super::functions::Function;

/// The type of an expression, as Prometheus names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Scalar,
    Vector,
    Matrix,
    Text,
}

impl Type {
    /// As the documentation names it.
    pub(super) fn documented(self) -> &'static str {
        match self {
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::Scalar | Self::Text => self.name(),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
            Self::Text => "string",
        }
    }
}

/// An expression, from its first byte up to behind its last.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) start: usize,
    pub(super) end: usize,
    /// How deep what is in it is nested.
    pub(super) depth: usize,
    pub(super) expr: Expr,
}

#[derive(Debug)]
pub(super) enum Expr {
    Number,
    Text,
    Selector(Selector),
    Matrix { selector: Box<Node>, shift: Shift },
    Subquery { of: Box<Node>, shift: Shift },
    Paren(Box<Node>),
    Unary(Box<Node>),
    Binary(Box<Binary>),
    Call { function: &'static Function, args: Vec<Node> },
    Aggregate { operator: &'static str, param: Option<Box<Node>>, of: Box<Node> },
}

/// Which of the modifiers that move where it looks an expression has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shift {
    pub(super) offset: bool,
    pub(super) at: bool,
}

#[derive(Debug, Default)]
pub(super) struct Selector {
    pub(super) name: Option<String>,
    pub(super) matchers: Vec<Condition>,
    pub(super) shift: Shift,
}

/// A condition on a label.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) operator: &'static str,
    pub(super) value: String,
    pub(super) takes_empty: bool,
}

#[derive(Debug)]
pub(super) struct Binary {
    pub(super) operator: &'static str,
    pub(super) lhs: Node,
    pub(super) rhs: Node,
    pub(super) modifiers: Modifiers,
}

/// What stands between an operator and its right side.
#[derive(Debug, Default)]
pub(super) struct Modifiers {
    pub(super) returns_bool: bool,
    /// `on` rather than `ignoring`.
    pub(super) on: bool,
    pub(super) labels: Vec<String>,
    /// `group_left` or `group_right`.
    pub(super) groups: bool,
    pub(super) include: Vec<String>,
    pub(super) fills: bool,
}

impl Node {
    pub(super) fn typ(&self) -> Type {
        match &self.expr {
            Expr::Number => Type::Scalar,
            Expr::Text => Type::Text,
            Expr::Selector(_) | Expr::Aggregate { .. } => Type::Vector,
            Expr::Matrix { .. } | Expr::Subquery { .. } => Type::Matrix,
            Expr::Paren(of) | Expr::Unary(of) => of.typ(),
            Expr::Binary(b) if b.lhs.typ() == Type::Scalar && b.rhs.typ() == Type::Scalar => Type::Scalar,
            Expr::Binary(_) => Type::Vector,
            Expr::Call { function, .. } => function.returns,
        }
    }
}

/// Operators that compare.
pub(super) fn compares(operator: &str) -> bool {
    matches!(operator, "==" | "!=" | "<" | "<=" | ">" | ">=")
}

/// Operators on sets of series.
pub(super) fn is_set(operator: &str) -> bool {
    matches!(operator, "and" | "or" | "unless")
}
