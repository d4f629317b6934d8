//! Sparklines as inline SVG: the course of one value, without axes.

use maud::{Markup, html};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 28.0;

/// The course of a value; `None` is a moment without one and breaks the line. `label` says in words what it shows.
/// The scale begins at zero, so that a flat line is flat.
pub(crate) fn sparkline(values: &[Option<f64>], class: &str, label: &str) -> Markup {
    let finite = |value: &Option<f64>| value.filter(|v| v.is_finite());
    let top = values.iter().filter_map(finite).fold(0.0_f64, f64::max);
    let top = if top > 0.0 { top } else { 1.0 };
    let step = WIDTH / values.len().saturating_sub(1).max(1) as f64;
    let mut lines: Vec<Vec<String>> = vec![Vec::new()];
    for (index, value) in values.iter().enumerate() {
        match finite(value) {
            Some(value) => {
                let (x, y) = (index as f64 * step, HEIGHT - 2.0 - value.max(0.0) / top * (HEIGHT - 4.0));
                if let Some(line) = lines.last_mut() {
                    line.push(format!("{x:.1},{y:.1}"));
                }
            }
            None => lines.push(Vec::new()),
        }
    }
    html! {
        svg.spark.(class) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(label) {
            @for line in lines.iter().filter(|line| line.len() > 1) { polyline points=(line.join(" ")) {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_without_a_value_breaks_the_line() {
        let values = [Some(1.0), Some(2.0), None, Some(f64::NAN), Some(2.0), Some(0.0)];
        let svg = sparkline(&values, "rate", "rate").into_string();
        assert_eq!(svg.matches("<polyline").count(), 2, "{svg}");
        assert!(svg.contains(r#"points="0.0,14.0 24.0,2.0""#), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn nothing_and_zeros_are_drawn_without_dividing_by_zero() {
        assert!(!sparkline(&[], "rate", "x").into_string().contains("polyline"));
        let zeros = sparkline(&[Some(0.0), Some(0.0)], "rate", "x").into_string();
        assert!(zeros.contains(r#"points="0.0,26.0 120.0,26.0""#), "{zeros}");
    }
}
