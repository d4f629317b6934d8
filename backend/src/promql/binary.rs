//! Binary operators: arithmetic, comparison with and without `bool`, sets, and vector matching in all its forms.

use std::collections::{HashMap, HashSet};

use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ,
    T_POW, T_SUB, TokenId,
};
use promql_parser::parser::{BinModifier, BinaryExpr, LabelModifier, VectorMatchCardinality};

use super::QueryError;
use super::eval::Evaluator;
use super::value::{Grid, Row, Value, absent, is_present, merge};
use crate::labels::{Labels, NAME};

pub(super) fn eval(evaluator: &Evaluator<'_>, expr: &BinaryExpr, grid: Grid) -> Result<Value, QueryError> {
    let op = expr.op.id();
    let modifier = expr.modifier.as_ref();
    let return_bool = modifier.is_some_and(|m| m.return_bool);
    let lhs = evaluator.eval(&expr.lhs, grid)?;
    let rhs = evaluator.eval(&expr.rhs, grid)?;
    match (lhs, rhs) {
        (Value::Scalar(l), Value::Scalar(r)) => {
            Ok(Value::Scalar(l.iter().zip(&r).map(|(l, r)| number(op, *l, *r)).collect()))
        }
        (Value::Vector(rows), Value::Scalar(scalar)) => {
            with_scalar(rows, &scalar, op, return_bool, false).map(Value::Vector)
        }
        (Value::Scalar(scalar), Value::Vector(rows)) => {
            with_scalar(rows, &scalar, op, return_bool, true).map(Value::Vector)
        }
        (Value::Vector(l), Value::Vector(r)) => {
            evaluator.claim(grid.len * l.len().max(r.len()))?;
            let matching = Matching::new(modifier);
            match op {
                T_LAND | T_LOR | T_LUNLESS => merge(set(l, r, op, &matching, grid)).map(Value::Vector),
                _ => vectors(l, r, op, return_bool, &matching, grid).map(Value::Vector),
            }
        }
        _ => Err(QueryError::execution("binary expressions take scalars and instant vectors")),
    }
}

fn is_comparison(op: TokenId) -> bool {
    matches!(op, T_EQLC | T_NEQ | T_GTR | T_LSS | T_GTE | T_LTE)
}

fn holds(op: TokenId, l: f64, r: f64) -> bool {
    match op {
        T_EQLC => l == r,
        T_NEQ => l != r,
        T_GTR => l > r,
        T_LSS => l < r,
        T_GTE => l >= r,
        _ => l <= r,
    }
}

/// The result as a number; a comparison is 1 or 0.
fn number(op: TokenId, l: f64, r: f64) -> f64 {
    match op {
        T_ADD => l + r,
        T_SUB => l - r,
        T_MUL => l * r,
        T_DIV => l / r,
        T_MOD => l % r,
        T_POW => l.powf(r),
        T_ATAN2 => l.atan2(r),
        _ => f64::from(u8::from(holds(op, l, r))),
    }
}

/// One pair of values: `None` when a filter drops it.
fn pair(op: TokenId, return_bool: bool, l: f64, r: f64) -> Option<f64> {
    if is_comparison(op) && !return_bool { holds(op, l, r).then_some(l) } else { Some(number(op, l, r)) }
}

fn with_scalar(
    rows: Vec<Row>,
    scalar: &[f64],
    op: TokenId,
    return_bool: bool,
    swapped: bool,
) -> Result<Vec<Row>, QueryError> {
    let drops_name = !is_comparison(op) || return_bool;
    let rows = rows.into_iter().map(|row| {
        let labels = if drops_name { row.labels.without_name() } else { row.labels };
        Row { labels, points: row.points }.map(|i, v| {
            let (l, r) = if swapped { (scalar[i], v) } else { (v, scalar[i]) };
            if is_comparison(op) && !return_bool {
                // A filter keeps the vector's value, whichever side it stands on.
                if holds(op, l, r) { v } else { absent() }
            } else {
                number(op, l, r)
            }
        })
    });
    merge(rows.collect())
}

/// Which labels decide what matches what.
struct Matching<'a> {
    on: bool,
    labels: &'a [String],
    card: &'a VectorMatchCardinality,
    include: &'a [String],
}

impl<'a> Matching<'a> {
    fn new(modifier: Option<&'a BinModifier>) -> Self {
        let card = modifier.map_or(&VectorMatchCardinality::OneToOne, |m| &m.card);
        let (on, labels) = match modifier.and_then(|m| m.matching.as_ref()) {
            Some(LabelModifier::Include(l)) => (true, &l.labels[..]),
            Some(LabelModifier::Exclude(l)) => (false, &l.labels[..]),
            None => (false, &[][..]),
        };
        let include = match card {
            VectorMatchCardinality::ManyToOne(l) | VectorMatchCardinality::OneToMany(l) => &l.labels[..],
            _ => &[],
        };
        Self { on, labels, card, include }
    }

    fn names(&self, name: &str) -> bool {
        self.labels.iter().any(|l| l == name)
    }

    fn signature(&self, labels: &Labels) -> Labels {
        if self.on {
            labels.filter(|name| self.names(name))
        } else {
            labels.filter(|name| name != NAME && !self.names(name))
        }
    }

    /// The labels of a result from a pair; `many` is the side whose labels stay.
    fn result(&self, many: &Labels, one: &Labels, drops_name: bool) -> Labels {
        let mut labels = if drops_name { many.without_name() } else { many.clone() };
        if matches!(self.card, VectorMatchCardinality::OneToOne) {
            labels = if self.on {
                labels.filter(|name| self.names(name))
            } else {
                labels.filter(|name| !self.names(name))
            };
        }
        for name in self.include {
            labels = labels.with(name, one.get(name));
        }
        labels
    }
}

fn vectors(
    l: Vec<Row>,
    r: Vec<Row>,
    op: TokenId,
    return_bool: bool,
    matching: &Matching<'_>,
    grid: Grid,
) -> Result<Vec<Row>, QueryError> {
    let swapped = matches!(matching.card, VectorMatchCardinality::OneToMany(_));
    let one_to_one = matches!(matching.card, VectorMatchCardinality::OneToOne);
    let (many, one) = if swapped { (r, l) } else { (l, r) };
    let mut by_signature: HashMap<Labels, Vec<usize>> = HashMap::new();
    for (i, row) in one.iter().enumerate() {
        by_signature.entry(matching.signature(&row.labels)).or_default().push(i);
    }
    duplicates(&one, &many, &by_signature, matching, grid)?;
    let drops_name = !is_comparison(op) || return_bool;
    let mut out: Vec<Row> = Vec::new();
    let mut slots: HashMap<Labels, usize> = HashMap::new();
    // At which steps there was a pair already: of a signature, or of a signature and the labels of its result.
    let mut matched: HashMap<(&Labels, Option<Labels>), Vec<bool>> = HashMap::new();
    for row in &many {
        let signature = matching.signature(&row.labels);
        let Some((signature, partners)) = by_signature.get_key_value(&signature) else { continue };
        for partner in partners {
            let partner = &one[*partner];
            let labels = matching.result(&row.labels, &partner.labels, drops_name);
            let steps = matched
                .entry((signature, (!one_to_one).then(|| labels.clone())))
                .or_insert_with(|| vec![false; grid.len]);
            let mut slot = slots.get(&labels).copied();
            for (i, was_matched) in steps.iter_mut().enumerate() {
                let (m, o) = (row.points[i], partner.points[i]);
                if !is_present(m) || !is_present(o) {
                    continue;
                }
                // What a comparison filters out is matched all the same.
                if std::mem::replace(was_matched, true) {
                    return Err(QueryError::execution(if one_to_one {
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    } else {
                        "multiple matches for labels: grouping labels must ensure unique matches"
                    }));
                }
                let (left, right) = if swapped { (o, m) } else { (m, o) };
                let Some(value) = pair(op, return_bool, left, right) else { continue };
                let slot = *slot.get_or_insert_with(|| {
                    slots.insert(labels.clone(), out.len());
                    out.push(Row { labels: labels.clone(), points: vec![absent(); grid.len] });
                    out.len() - 1
                });
                if is_present(out[slot].points[i]) {
                    return Err(QueryError::execution(
                        "vector cannot contain metrics with the same labelset",
                    ));
                }
                out[slot].points[i] = value;
            }
        }
    }
    Ok(out)
}

/// The "one" side may have one series per signature at each step at which the other side has anything. Of several mistakes
/// the one at the first step is told, of which the second series comes first.
fn duplicates(
    one: &[Row],
    many: &[Row],
    by_signature: &HashMap<Labels, Vec<usize>>,
    matching: &Matching<'_>,
    grid: Grid,
) -> Result<(), QueryError> {
    if by_signature.values().all(|members| members.len() == 1) {
        return Ok(());
    }
    let mut group_of = vec![0; one.len()];
    for (group, members) in by_signature.values().enumerate() {
        members.iter().for_each(|member| group_of[*member] = group);
    }
    let mut seen: Vec<Option<&Row>> = vec![None; by_signature.len()];
    for i in (0..grid.len).filter(|i| many.iter().any(|row| is_present(row.points[*i]))) {
        seen.fill(None);
        for (row, group) in one.iter().zip(&group_of).filter(|(row, _)| is_present(row.points[i])) {
            let Some(other) = seen[*group].replace(row) else { continue };
            let is_left = matches!(matching.card, VectorMatchCardinality::OneToMany(_));
            let (side, group) = (if is_left { "left" } else { "right" }, matching.signature(&row.labels));
            let mut pair = [row.labels.to_string(), other.labels.to_string()];
            pair.sort();
            return Err(QueryError::Execution(format!(
                "found duplicate series for the match group {group} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                pair[0], pair[1]
            )));
        }
    }
    Ok(())
}

fn set(mut l: Vec<Row>, mut r: Vec<Row>, op: TokenId, matching: &Matching<'_>, grid: Grid) -> Vec<Row> {
    // Which steps of a signature have a value on the other side.
    let steps = |rows: &[Row]| {
        let mut steps: HashMap<Labels, HashSet<usize>> = HashMap::new();
        for row in rows {
            let present = steps.entry(matching.signature(&row.labels)).or_default();
            present.extend((0..grid.len).filter(|i| is_present(row.points[*i])));
        }
        steps
    };
    let keep = |rows: &mut [Row], other: &HashMap<Labels, HashSet<usize>>, wanted: bool| {
        for row in rows {
            let present = other.get(&matching.signature(&row.labels));
            for i in 0..grid.len {
                if present.is_some_and(|p| p.contains(&i)) != wanted {
                    row.points[i] = absent();
                }
            }
        }
    };
    match op {
        T_LAND => keep(&mut l, &steps(&r), true),
        T_LUNLESS => keep(&mut l, &steps(&r), false),
        _ => {
            keep(&mut r, &steps(&l), false);
            l.append(&mut r);
        }
    }
    l
}
