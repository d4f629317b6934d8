//! From a trace to the metric: in which series its server spans are counted, and how far those are now.

use crate::{links, serve::App};
use futures_util::future::join_all;
use maud::{Markup, html};
use query::{Error, Prometheus, prometheus::format_value, trace::Tree};

/// Series asked for; a trace has few, unless it is a very odd one.
const ASKED: usize = 12;

/// A series and its value now; `None` if it has none.
pub(super) struct Count {
    selector: String,
    pub(super) value: Result<Option<f64>, Error>,
}

pub(super) async fn ask(prometheus: &Prometheus, tree: &Tree) -> Vec<Count> {
    let mut selectors: Vec<String> = Vec::new();
    for selector in tree.nodes.iter().filter_map(query::trace::Node::metric_selector) {
        if !selectors.contains(&selector) {
            selectors.push(selector);
        }
        if selectors.len() == ASKED {
            break;
        }
    }
    join_all(selectors.into_iter().map(|selector| async move {
        let answer = prometheus.instant(&selector, None).await;
        // Several instances of a service count apart.
        let sum = |samples: Vec<query::prometheus::Sample>| {
            samples.into_iter().map(|s| s.point.value).reduce(|a, b| a + b)
        };
        Count { value: answer.map(|answer| sum(answer.data.into_samples())), selector }
    }))
    .await
}

pub(super) fn table(app: &App, counts: &[Count]) -> Markup {
    html! {
        @if !counts.is_empty() {
            h2 { "Counted in" }
            div.wide tabindex="0" role="region" aria-label="Counted in" {
                table.counts {
                    thead { tr { th scope="col" { "Series" } th.number scope="col" { "Requests so far" } } }
                    tbody {
                        @for count in counts {
                            tr {
                                td.id { a href=(links::instant(app.stack.prometheus.base(), &count.selector)) { (count.selector) } }
                                td.number {
                                    @match &count.value {
                                        Ok(Some(value)) => (format_value(*value)),
                                        Ok(None) => "not yet scraped",
                                        Err(_) => "no answer",
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
