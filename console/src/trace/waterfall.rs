//! The spans as rows with bars, each followed by its attributes and its log lines.
//!
//! Bars are SVG rectangles placed by attributes, because the content policy forbids inline styles.

use crate::links;
use maud::{Markup, html};
use query::{
    LogEntry,
    jaeger::Tag,
    time::duration_text,
    trace::{Node, Place, Tree},
};

/// More spans or lines than these make a page that nobody reads and that slows the browser; the JSON has them all.
const SPANS: usize = 1_500;
const LINES_PER_SPAN: usize = 100;
/// Characters of one value.
const VALUE: usize = 4_000;
/// Depth from which on the indentation stays the same; the style sheet has a class for each.
const DEPTHS: usize = 16;
/// Services told apart by colour; the style sheet has a class for each.
const COLOURS: usize = 6;

pub(super) fn spans(tree: &Tree) -> Markup {
    let shown = &tree.nodes[..tree.nodes.len().min(SPANS)];
    html! {
        h2 { "Spans" }
        ul.legend aria-label="Services" {
            @for (index, service) in tree.services.iter().enumerate() {
                li { svg.dot.(colour(index)) viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" rx="2" {} } (service) }
            }
        }
        ol.spans {
            @for (index, node) in shown.iter().enumerate() {
                @if let Some(text) = heading(tree, index) { li.heading { h3 { (text) } } }
                (span(tree, node))
            }
        }
        @if shown.len() < tree.nodes.len() {
            p { (tree.nodes.len() - shown.len()) " more spans are left out here; the JSON above has them all." }
        }
        @if !tree.loose_logs.is_empty() {
            h2 { "Log lines of spans that are not stored" }
            (lines(tree, &tree.loose_logs))
        }
    }
}

fn colour(service: usize) -> String {
    format!("s{}", service % COLOURS)
}

/// Before the first orphan and the first circle: what they are.
fn heading(tree: &Tree, index: usize) -> Option<&'static str> {
    let node = &tree.nodes[index];
    let first = |of: fn(&Place) -> bool| of(&node.place) && !tree.nodes[..index].iter().any(|n| of(&n.place));
    match node.place {
        Place::Orphan { .. } => {
            first(|p| matches!(p, Place::Orphan { .. })).then_some("Orphans: their parent span is not stored")
        }
        Place::Circle => first(|p| *p == Place::Circle).then_some("In a circle: each is its own ancestor"),
        Place::Root | Place::Child => None,
    }
}

fn span(tree: &Tree, node: &Node) -> Markup {
    let service = tree.services.iter().position(|name| *name == node.service).unwrap_or(0);
    let depth = format!("d{}", node.depth.min(DEPTHS));
    html! {
        li.span.(depth).failed[node.is_error()] id={ "span-" (node.span.span_id) } {
            div.name {
                span.service.(colour(service)) { (node.service) } " "
                span.kind { (node.side()) } " "
                span.operation { (node.span.operation_name) }
                @if let Some(code) = node.http_status() { " " span.code { (code) } }
                @if let Some(count) = node.resend_count() { " " span.badge { "resend " (count) } }
            }
            (bar(tree, node, &colour(service)))
            div.duration { (duration_text(node.span.duration_us)) }
            div.below {
                @if let Some(text) = node.error_note() { p.error-text { "✗ " (cut(&text)) } }
                @if let Place::Orphan { missing } = node.place { p.quiet { "Its parent " code { (missing) } " is missing." } }
                @for link in node.links() {
                    p { "→ linked to " a href={ (links::trace(link.trace_id)) "#span-" (link.span_id) } { "span " (link.span_id) " of another trace" } }
                }
                (attributes(node))
                @if !node.logs.is_empty() { (lines(tree, &node.logs)) }
            }
        }
    }
}

/// When the span ran, in thousandths of the trace. The style sheet gives the asking side of a call a paler bar; the word
/// beside the name says the same.
fn bar(tree: &Tree, node: &Node, colour: &str) -> Markup {
    let total = tree.duration_us.max(1) as f64;
    let share = |us: u64| (us as f64 / total * 1_000.0).min(1_000.0);
    let start = share(node.offset_us).min(997.0);
    let width = share(node.span.duration_us).clamp(3.0, 1_000.0 - start);
    let label =
        format!("from {} for {}", duration_text(node.offset_us), duration_text(node.span.duration_us));
    html! {
        svg.bar.(colour).(node.side()) viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(label) {
            rect x=(format!("{start:.1}")) width=(format!("{width:.1}")) height="10" {}
        }
    }
}

fn attributes(node: &Node) -> Markup {
    let span = &node.span;
    html! {
        details {
            summary { "+" (duration_text(node.offset_us)) " · " (counted(span.tags.len(), "attribute"))
                @if !span.logs.is_empty() { " · " (counted(span.logs.len(), "event")) }
                @if !node.children.is_empty() { " · " (duration_text(node.self_us())) " outside its children" }
            }
            table.tags {
                tbody {
                    tr { th scope="row" { "span id" } td { (span.span_id) } }
                    @for tag in &span.tags { (attribute(tag)) }
                    @for log in &span.logs {
                        tr.part { th colspan="2" scope="rowgroup" { "event at +" (duration_text(log.time_us.saturating_sub(span.start_us))) } }
                        @for tag in &log.fields { (attribute(tag)) }
                    }
                    @if !node.resource.is_empty() { tr.part { th colspan="2" scope="rowgroup" { "process" } } }
                    @for tag in &node.resource { (attribute(tag)) }
                    @for warning in &span.warnings { tr { th scope="row" { "warning" } td { (cut(warning)) } } }
                }
            }
        }
    }
}

fn counted(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

fn attribute(tag: &Tag) -> Markup {
    html! { tr { th scope="row" { (cut(&tag.key)) } td { (cut(&tag.value.to_string())) } } }
}

fn lines(tree: &Tree, logs: &[LogEntry]) -> Markup {
    html! {
        ul.logs aria-label="Log lines" {
            @for entry in logs.iter().take(LINES_PER_SPAN) {
                @let level = entry.level();
                li.(level_class(&level)) {
                    span.offset { "+" (duration_text(entry.time.micros().saturating_sub(tree.start_us))) } " "
                    span.level { (level) } " "
                    span.message { (cut(entry.message())) }
                    @for (name, value) in entry.fields() { " " span.field { span.key { (name) "=" } (cut(value)) } }
                }
            }
            @if logs.len() > LINES_PER_SPAN { li { (logs.len() - LINES_PER_SPAN) " more lines are left out here" } }
        }
    }
}

fn level_class(level: &str) -> &'static str {
    match level {
        "ERROR" | "FATAL" => "level-error",
        "WARN" | "WARNING" => "level-warn",
        "INFO" => "level-info",
        _ => "level-other",
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
