//! How the first page looks.

use super::{
    measured,
    orders::Order,
    reason::Outcome,
    red::{Red, Service},
};
use crate::{chart::sparkline, layout, links, serve::App};
use maud::{Markup, html};
use query::{Error, time::duration_text};

pub(super) fn page(
    app: &App,
    red: &Red,
    (orders, errors): &(Vec<Order>, Vec<Error>),
    refresh: Option<u32>,
) -> Markup {
    let body = html! {
        div.line {
            h1 { "Services now" }
            @match refresh {
                Some(seconds) => p.quiet { "Reloads every " (seconds) " s. " a href="/?live=off" { "Hold still" } },
                None => p.quiet { "Held still. " a href="/" { "Reload every 5 s" } },
            }
        }
        (layout::failures(red.errors.iter().chain(errors)))
        (services(red))
        h2 { "Latest orders" }
        (latest(orders, orders.is_empty() && !errors.is_empty()))
    };
    layout::page(app, "Services now", refresh, &body)
}

/// That there is nothing would be a guess.
const NOT_KNOWN: &str = "Not known: see above.";

/// A duration in seconds, for people.
fn seconds(value: Option<f64>) -> String {
    // `as` saturates; negative durations do not exist.
    value.map_or_else(|| "–".to_owned(), |s| duration_text((s * 1e6).round() as u64))
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0))
}

fn per_second(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |rate| format!("{rate:.1}/s"))
}

fn services(red: &Red) -> Markup {
    let services = &red.services;
    let unknown = services.is_empty() && !red.errors.is_empty();
    html! {
        div.wide tabindex="0" role="region" aria-label="Services" {
            table.services {
                @if !unknown {
                    caption {
                        "Requests answered in the last " (red.window.as_secs()) " s"
                        @if red.window < measured::WHOLE { ", as long as they have been measured" }
                        "; the lines show the last five minutes."
                    }
                }
                thead { tr {
                    th scope="col" { "Service" }
                    th.number scope="col" { "Rate" } th { span.hidden { "Rate, last 5 minutes" } }
                    th.number scope="col" { "Errors" } th { span.hidden { "Errors, last 5 minutes" } }
                    th.number scope="col" { "p50" }
                    th.number scope="col" { "p95" } th { span.hidden { "p95, last 5 minutes" } }
                    th.number scope="col" { "p99" }
                    th.number scope="col" { "Slowest" }
                } }
                tbody {
                    @for s in services { (service(s)) }
                    @if services.is_empty() {
                        tr { td colspan="10" {
                            @if unknown { (NOT_KNOWN) } @else { "No requests have been measured yet." }
                        } }
                    }
                }
            }
        }
    }
}

fn service(s: &Service) -> Markup {
    let failing = s.error_ratio.is_some_and(|ratio| ratio > 0.0);
    let said = |what: &str, line: &[Option<f64>], text: fn(Option<f64>) -> String| {
        let most = line.iter().flatten().copied().reduce(f64::max);
        format!("{what} of {} over five minutes, at most {}", s.name, text(most))
    };
    html! {
        tr {
            th scope="row" { (s.name) }
            td.number data-label="Rate" { (per_second(s.rate)) }
            td.line-cell { (sparkline(&s.rate_line, "rate", &said("Rate", &s.rate_line, per_second))) }
            td.number.bad[failing] data-label="Errors" { (percent(s.error_ratio)) }
            td.line-cell { (sparkline(&s.error_line, "errors", &said("Share of errors", &s.error_line, percent))) }
            td.number data-label="p50" { (seconds(s.p50)) }
            td.number data-label="p95" { (seconds(s.p95)) }
            td.line-cell { (sparkline(&s.p95_line, "p95", &said("p95", &s.p95_line, seconds))) }
            td.number data-label="p99" { (seconds(s.p99)) }
            td.number data-label="Slowest" {
                @match s.slowest {
                    Some((id, value)) => a href=(links::trace(id)) title="The slowest request known by its trace" { (seconds(Some(value))) },
                    None => "–",
                }
            }
        }
    }
}

fn latest(orders: &[Order], unknown: bool) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Latest orders" {
            table.orders {
                thead { tr {
                    th scope="col" { "Time" }
                    th.number scope="col" { "Duration" }
                    th scope="col" { "Status" }
                    th scope="col" { "Reason" }
                    th scope="col" { "Correlation id" }
                    th scope="col" { "Trace" }
                } }
                tbody {
                    @for order in orders {
                        tr {
                            td data-label="Time" { time datetime=(order.time) { (order.time.clock()) } }
                            td.number data-label="Duration" { (duration_text(order.duration_us)) }
                            td data-label="Status" { (status(order)) }
                            td.reason.error-text[order.outcome() == Outcome::Failed] data-label="Reason" {
                                (order.reason.as_deref().unwrap_or(""))
                            }
                            td.id data-label="Correlation" {
                                @if let Some(id) = &order.correlation { a href=(links::correlation(id)) { (id) } }
                            }
                            td.id data-label="Trace" {
                                a href=(links::trace(order.trace)) { (short(&order.trace.to_string())) }
                            }
                        }
                    }
                    @if orders.is_empty() {
                        tr { td colspan="6" {
                            @if unknown { (NOT_KNOWN) } @else { "No order has arrived within the last hour." }
                        } }
                    }
                }
            }
        }
    }
}

fn status(order: &Order) -> Markup {
    let class = match order.outcome() {
        Outcome::Placed => "ok",
        Outcome::Refused => "refused",
        Outcome::Failed => "bad",
    };
    html! {
        span.status.(class) {
            @match order.status { Some(code) => (code), None => "no answer" }
        }
    }
}

/// Enough of an id to tell it from its neighbours.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
