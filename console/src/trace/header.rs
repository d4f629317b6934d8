//! What is to be known of a trace before its spans.

use crate::{links, serve::App};
use maud::{Markup, html};
use query::{UnixNanos, time::duration_text, trace::Tree};

pub(super) fn facts(app: &App, tree: &Tree) -> Markup {
    let began = UnixNanos::from_micros(tree.start_us);
    let minute = 60_000_000_000_i64;
    let ended =
        began.0.saturating_add(i64::try_from(tree.duration_us).unwrap_or(i64::MAX).saturating_mul(1_000));
    let errors = tree.errors();
    html! {
        h1 {
            @match tree.root() {
                Some(root) => { (root.service) " " (root.span.operation_name) },
                None => "Trace without spans",
            }
        }
        dl.facts {
            div { dt { "Trace" } dd.id { (tree.id) } }
            @if let Some(id) = tree.correlation_id() {
                div { dt { "Correlation id" } dd.id { a href=(links::correlation(&id)) { (id) } } }
            }
            div { dt { "Began" } dd { time datetime=(began) { (began) } } }
            div { dt { "Duration" } dd { (duration_text(tree.duration_us)) } }
            div { dt { "Spans" } dd { (tree.nodes.len()) } }
            div { dt { "Log lines" } dd { (tree.logs().count()) } }
            div { dt { "Result" } dd {
                @if errors == 0 { span.status.ok { "no error" } } @else { span.status.bad { (errors) " failed spans" } }
            } }
        }
        p.quiet {
            a href=(app.stack.jaeger.trace_url(tree.id)) { "Spans as JSON" } " · "
            a href=(links::logs(app.stack.loki.base(), tree.id, began.0.saturating_sub(minute), ended.saturating_add(minute))) { "Log lines as JSON" }
        }
        @for warning in &tree.warnings { p.quiet { "Warning of the server: " (warning) } }
    }
}
