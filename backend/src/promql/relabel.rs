//! `label_replace` and `label_join`.

use super::QueryError;
use super::eval::Evaluator;
use super::value::{Row, merge};
use crate::matcher::{anchored, expanded_at_most};

/// A label's bytes are held like the values of a query, eight to one.
const BYTES_PER_POINT: usize = size_of::<f64>();

/// Refuses what is no label name: any text is one, but for none at all.
fn must_be_name(function: &str, which: &str, name: &str) -> Result<(), QueryError> {
    if name.is_empty() {
        return Err(QueryError::Execution(format!("invalid {which} label name in {function}(): {name}")));
    }
    Ok(())
}

/// Sets `dst` to `with` where `pattern` matches all of the label `src`.
pub(super) fn replace(
    evaluator: &Evaluator<'_>,
    rows: Vec<Row>,
    dst: &str,
    with: &str,
    src: &str,
    pattern: &str,
) -> Result<Vec<Row>, QueryError> {
    let regex = anchored(pattern).map_err(|_| {
        QueryError::Execution(format!("invalid regular expression in label_replace(): {pattern}"))
    })?;
    must_be_name("label_replace", "destination", dst)?;
    let rows = rows.into_iter().map(|row| {
        let Some(found) = regex.captures(row.labels.get(src)) else { return Ok(row) };
        // Asked before it is there: a value can double with each call around another.
        evaluator.claim(expanded_at_most(with, row.labels.get(src)) / BYTES_PER_POINT)?;
        let mut value = String::new();
        found.expand(with, &mut value);
        let labels = row.labels.with(dst, &value);
        Ok(Row { labels, ..row })
    });
    merge(rows.collect::<Result<_, QueryError>>()?)
}

/// Sets `dst` to the values of the labels `names` with `separator` between them.
pub(super) fn join(
    evaluator: &Evaluator<'_>,
    rows: Vec<Row>,
    dst: &str,
    separator: &str,
    names: &[&str],
) -> Result<Vec<Row>, QueryError> {
    names.iter().try_for_each(|name| must_be_name("label_join", "source", name))?;
    must_be_name("label_join", "destination", dst)?;
    let rows = rows.into_iter().map(|row| {
        let values: Vec<&str> = names.iter().map(|n| row.labels.get(n)).collect();
        let bytes: usize = values.iter().map(|value| value.len() + separator.len()).sum();
        evaluator.claim(bytes / BYTES_PER_POINT)?;
        let labels = row.labels.with(dst, &values.join(separator));
        Ok(Row { labels, ..row })
    });
    merge(rows.collect::<Result<_, QueryError>>()?)
}
