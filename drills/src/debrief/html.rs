//! The debrief as one HTML file: no script, nothing from elsewhere, charts as SVG.

use super::{
    Chart, Debrief,
    model::{clock, took},
};
use maud::{DOCTYPE, Markup, PreEscaped, html as page};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem .5rem;text-align:left;vertical-align:top}\
code,pre{background:#f4f4f4;padding:.1rem .3rem;overflow-x:auto}.hidden{color:#a40}svg{width:100%;height:auto}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#111}code,pre{background:#222}td,th{border-color:#333}}";

/// Width and height of a chart, in its own units.
const SIZE: (f64, f64) = (720.0, 140.0);

/// The debrief as one HTML file.
#[must_use]
pub fn html(debrief: &Debrief) -> String {
    let title = format!("Drill {}", debrief.scenario);
    page! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (plain(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (plain(&title)) }
                p { (plain(&debrief.brief)) }
                p { strong { (plain(&debrief.outcome)) } }
                h2 { "What was true" }
                p { (plain(&debrief.truth)) " (" code { (debrief.cause) } ")" }
                p { "Known after " (took(debrief.measures.ttd_s)) ", located after " (took(debrief.measures.ttl_s))
                    ", mitigated after " (took(debrief.measures.ttm_s)) "." }
                (grade(debrief))
                @for chart in &debrief.charts {
                    h3 { (plain(&chart.title)) " (" (plain(&chart.unit)) ")" }
                    (svg(chart, &debrief.marks))
                }
                (timeline(debrief))
                (way(debrief))
                (mitigations(debrief))
                p { "Seed " (debrief.seed) ", sealed at the start: " code { (debrief.ledger) } }
            }
        }
    }
    .into_string()
}

fn grade(debrief: &Debrief) -> Markup {
    page! {
        @if let Some(grade) = &debrief.grade {
            h2 { "Grade: " (grade.score) " of 100" }
            table { @for line in &grade.lines {
                tr { td { (plain(&line.what)) } td { (line.points) } td { (plain(&line.why)) } }
            } }
        }
    }
}

fn timeline(debrief: &Debrief) -> Markup {
    page! {
        h2 { "What happened" }
        table { @for moment in &debrief.timeline {
            tr class=[(!moment.was_known).then_some("hidden")] title=[(!moment.was_known).then_some("not known then")] {
                td { (clock(moment.at_s)) } td { (plain(&moment.what)) }
            }
        } }
    }
}

fn way(debrief: &Debrief) -> Markup {
    page! {
        @if !debrief.shown.is_empty() {
            h2 { "The shortest way to it" }
            ol { @for shown in &debrief.shown {
                li { (plain(&shown.signal)) ": " (plain(&shown.what)) pre { (plain(&shown.command)) } }
            } }
        }
    }
}

fn mitigations(debrief: &Debrief) -> Markup {
    page! {
        @if !debrief.mitigations.is_empty() {
            h2 { "What helps and what does not" }
            table { @for (ops, works, why) in &debrief.mitigations {
                tr {
                    td { code { "ops " (plain(ops)) } }
                    td { (if *works { "helps" } else { "does not help" }) }
                    td { (plain(why)) }
                }
            } }
        }
    }
}

/// A line over time, with the marks as upright lines.
fn svg(chart: &Chart, marks: &[(f64, String)]) -> Markup {
    let known = || chart.points.iter().filter(|(at, value)| at.is_finite() && value.is_finite());
    let last = known().map(|(at, _)| *at).fold(1.0, f64::max);
    let most = known().map(|(_, value)| *value).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let (width, height) = SIZE;
    let x = |at: f64| (at / last).clamp(0.0, 1.0) * width;
    let y = |value: f64| height - (value / most).clamp(0.0, 1.0) * (height - 20.0);
    let (mut path, mut pen) = (String::new(), 'M');
    for (at, value) in &chart.points {
        // A gap stays one.
        pen = match at.is_finite() && value.is_finite() {
            true => {
                path.push_str(&format!("{pen}{:.1} {:.1}", x(*at), y(*value)));
                'L'
            }
            false => 'M',
        };
    }
    page! {
        svg viewBox={ "0 0 " (width) " " (height) } role="img" {
            title { (plain(&chart.title)) }
            path d=(path) fill="none" stroke="#36c" stroke-width="2" {}
            text x="2" y="12" font-size="12" fill="currentColor" { (format!("{most:.3}")) " " (plain(&chart.unit)) }
            @for (at, name) in marks {
                @let at = x(*at);
                line x1=(format!("{at:.1}")) x2=(format!("{at:.1}")) y1="0" y2=(height) stroke="#a40" stroke-dasharray="4" {}
                text x=(format!("{:.1}", at + 3.0)) y="26" font-size="12" fill="#a40" { (plain(name)) }
            }
        }
    }
}

/// What people typed, without what no page can hold: markup is escaped where it is written, control characters never are.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
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
