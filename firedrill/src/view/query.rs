//! The value of a PromQL expression as an aligned table.

use super::{BOLD, DIM, Look, YELLOW, clean};
use query::{
    Labels,
    prometheus::{Answer, Data, Point, format_value},
};
use std::collections::BTreeSet;

/// With more labels than this a series is written out, instead of one column per label.
const COLUMNS: usize = 7;

/// The answer, and the server's warnings below it.
#[must_use]
pub fn render(answer: &Answer, look: Look) -> String {
    let mut out = match &answer.data {
        Data::Scalar(point) => format!("{}\n", format_value(point.value)),
        Data::String(text) => format!("{}\n", clean(text)),
        Data::Vector(samples) if samples.is_empty() => "no series\n".to_owned(),
        Data::Matrix(series) if series.is_empty() => "no series\n".to_owned(),
        Data::Vector(samples) => {
            let rows: Vec<_> = samples.iter().map(|s| (&s.labels, format_value(s.point.value))).collect();
            vector(&rows, look)
        }
        Data::Matrix(series) => {
            let tables = series.iter().map(|s| matrix(&s.labels, &s.points, look));
            tables.collect::<Vec<_>>().join("\n")
        }
    };
    out.push_str(&warnings(answer, look));
    out
}

/// The server's warnings, a line each.
pub(super) fn warnings(answer: &Answer, look: Look) -> String {
    let line = |warning: &String| look.paint(YELLOW, &format!("warning: {}", clean(warning))) + "\n";
    answer.warnings.iter().map(line).collect()
}

/// `name{a="b"}`
pub(super) fn selector(labels: &Labels) -> String {
    let name = labels.get("__name__").map(String::as_str).unwrap_or_default();
    let others = labels.iter().filter(|(key, _)| *key != "__name__");
    let pairs: Vec<String> = others.map(|(key, value)| format!("{key}={}", query::quoted(value))).collect();
    let text = if pairs.is_empty() && !name.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{{{}}}", pairs.join(","))
    };
    clean(&text).into_owned()
}

fn vector(rows: &[(&Labels, String)], look: Look) -> String {
    let names: BTreeSet<&str> =
        rows.iter().flat_map(|(labels, _)| labels.keys().map(String::as_str)).collect();
    let wide = names.len() > COLUMNS;
    let mut table: Vec<Vec<String>> = Vec::with_capacity(rows.len() + 1);
    let heads = names
        .iter()
        .map(|&name| if name == "__name__" { "metric".to_owned() } else { clean(name).into_owned() });
    let mut head: Vec<String> = if wide { vec!["series".to_owned()] } else { heads.collect() };
    head.push("value".to_owned());
    table.push(head);
    for (labels, value) in rows {
        let cells =
            names.iter().map(|&name| labels.get(name).map_or_else(String::new, |v| clean(v).into_owned()));
        let mut row: Vec<String> = if wide { vec![selector(labels)] } else { cells.collect() };
        row.push(value.clone());
        table.push(row);
    }
    aligned(&table, look)
}

/// Columns as wide as their widest cell; the last one, the values, to the right; the first row is the head.
fn aligned(table: &[Vec<String>], look: Look) -> String {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for (index, row) in table.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column + 1 == columns { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        out.push_str(&if index == 0 { look.paint(BOLD, &line) } else { line });
        out.push('\n');
    }
    out
}

fn matrix(labels: &Labels, points: &[Point], look: Look) -> String {
    let mut out = look.paint(BOLD, &selector(labels)) + "\n";
    let values: Vec<String> = points.iter().map(|p| format_value(p.value)).collect();
    let width = values.iter().map(|v| v.chars().count()).max().unwrap_or(0);
    for (point, value) in points.iter().zip(values) {
        out.push_str(&format!("  {}  {value:>width$}\n", look.paint(DIM, &point.time.to_string())));
    }
    out
}
