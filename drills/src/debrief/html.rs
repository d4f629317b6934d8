//! The debrief as one HTML file: no script, nothing from elsewhere, charts as SVG.

use super::{
    Chart, Debrief,
    model::{clock, took},
};
use std::fmt::Write as _;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem .5rem;text-align:left;vertical-align:top}\
code,pre{background:#f4f4f4;padding:.1rem .3rem;overflow-x:auto}.hidden{color:#a40}svg{width:100%;height:auto}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#111}code,pre{background:#222}td,th{border-color:#333}}";

/// Width and height of a chart, in its own units.
const SIZE: (f64, f64) = (720.0, 140.0);

/// The debrief as one HTML file.
#[must_use]
pub fn html(debrief: &Debrief) -> String {
    let mut out = String::new();
    let e = escaped;
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Drill {0}</title><style>{STYLE}</style><h1>Drill {0}</h1><p>{1}</p><p><strong>{2}</strong></p>\
         <h2>What was true</h2><p>{3} (<code>{4}</code>)</p>",
        e(&debrief.scenario),
        e(&debrief.brief),
        e(&debrief.outcome),
        e(&debrief.truth),
        e(&debrief.cause)
    );
    let measures = &debrief.measures;
    let _ = write!(
        out,
        "<p>Known after {}, located after {}, mitigated after {}.</p>",
        took(measures.ttd_s),
        took(measures.ttl_s),
        took(measures.ttm_s)
    );
    if let Some(grade) = &debrief.grade {
        let _ = write!(out, "<h2>Grade: {} of 100</h2><table>", grade.score);
        for line in &grade.lines {
            let _ = write!(out, "<tr><td>{}<td>{}<td>{}", e(&line.what), line.points, e(&line.why));
        }
        out.push_str("</table>");
    }
    for chart in &debrief.charts {
        let _ = write!(out, "<h3>{} ({})</h3>", e(&chart.title), e(&chart.unit));
        out.push_str(&svg(chart, &debrief.marks));
    }
    out.push_str("<h2>What happened</h2><table>");
    for moment in &debrief.timeline {
        let class = if moment.was_known { "" } else { " class=\"hidden\" title=\"not known then\"" };
        let _ = write!(out, "<tr{class}><td>{}<td>{}", clock(moment.at_s), e(&moment.what));
    }
    out.push_str("</table>");
    if !debrief.shown.is_empty() {
        out.push_str("<h2>The shortest way to it</h2><ol>");
        for shown in &debrief.shown {
            let _ =
                write!(out, "<li>{}: {}<pre>{}</pre>", e(&shown.signal), e(&shown.what), e(&shown.command));
        }
        out.push_str("</ol>");
    }
    if !debrief.mitigations.is_empty() {
        out.push_str("<h2>What helps and what does not</h2><table>");
        for (ops, works, why) in &debrief.mitigations {
            let word = if *works { "helps" } else { "does not help" };
            let _ = write!(out, "<tr><td><code>ops {}</code><td>{word}<td>{}", e(ops), e(why));
        }
        out.push_str("</table>");
    }
    let _ = write!(
        out,
        "<p>Seed {}, sealed at the start: <code>{}</code></p></html>",
        debrief.seed,
        e(&debrief.ledger)
    );
    out
}

/// A line over time, with the marks as upright lines.
fn svg(chart: &Chart, marks: &[(f64, String)]) -> String {
    let known = || chart.points.iter().filter(|(at, value)| at.is_finite() && value.is_finite());
    let last = known().map(|(at, _)| *at).fold(1.0, f64::max);
    let most = known().map(|(_, value)| *value).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let x = |at: f64| (at / last).clamp(0.0, 1.0) * SIZE.0;
    let y = |value: f64| SIZE.1 - (value / most).clamp(0.0, 1.0) * (SIZE.1 - 20.0);
    let mut path = String::new();
    let mut pen = 'M';
    for (at, value) in &chart.points {
        match at.is_finite() && value.is_finite() {
            true => {
                let _ = write!(path, "{pen}{:.1} {:.1}", x(*at), y(*value));
                pen = 'L';
            }
            // A gap stays one.
            false => pen = 'M',
        }
    }
    let mut out = format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\"><title>{}</title><path d=\"{path}\" fill=\"none\" stroke=\"#36c\" stroke-width=\"2\"/>\
         <text x=\"2\" y=\"12\" font-size=\"12\" fill=\"currentColor\">{most:.3} {}</text>",
        SIZE.0,
        SIZE.1,
        escaped(&chart.title),
        escaped(&chart.unit)
    );
    for (at, name) in marks {
        let x = x(*at);
        let _ = write!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{}\" stroke=\"#a40\" stroke-dasharray=\"4\"/>\
             <text x=\"{:.1}\" y=\"26\" font-size=\"12\" fill=\"#a40\">{}</text>",
            SIZE.1,
            x + 3.0,
            escaped(name)
        );
    }
    out.push_str("</svg>");
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::hostile;
    use super::*;

    #[test]
    fn the_page_is_whole_in_itself_and_text_stays_text() {
        let page = html(&hostile());
        assert!(!page.contains("<script") && !page.contains("<b>ann"), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://"), "nothing from elsewhere");
        assert!(page.contains("p95 &lt;of&gt; orders") && page.contains("onset"), "{page}");
        assert!(!page.contains("NaN"), "a gap is drawn as one");
        assert_eq!(page.matches(" d=\"M").count(), 1);
        assert_eq!(page.split(" d=\"").nth(1).unwrap().split('"').next().unwrap().matches('M').count(), 2);
    }
}
