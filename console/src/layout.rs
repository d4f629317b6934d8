//! The frame around every page: head, heading, search box, foot.

use crate::{
    serve::App,
    statics::{ICON_PATH, STYLE_PATH},
};
use maud::{DOCTYPE, Markup, html};
use query::Error;

/// A whole page. `refresh` reloads it after so many seconds.
pub(crate) fn page(app: &App, heading: &str, refresh: Option<u32>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(seconds) = refresh { meta http-equiv="refresh" content=(seconds); }
                title { (heading) " · " (app.title) }
                link rel="stylesheet" href=(*STYLE_PATH);
                link rel="icon" href=(*ICON_PATH) type="image/svg+xml";
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.brand href="/" { (app.title) }
                    (search_box(""))
                }
                main #main { (body) }
                footer {
                    "Read from "
                    a href={ (app.stack.prometheus.base()) "/api/v1/query?query=up" } { "Prometheus" } ", "
                    a href={ (app.stack.loki.base()) "/loki/api/v1/labels" } { "Loki" } " and "
                    a href={ (app.stack.jaeger.base()) "/api/services" } { "Jaeger" }
                    " just now. Times are UTC."
                }
            }
        }
    }
}

/// The form that takes a trace id or a correlation id.
pub(crate) fn search_box(value: &str) -> Markup {
    html! {
        form.search action="/search" method="get" role="search" {
            label { span.hidden { "Trace or correlation id" }
                input type="search" name="q" value=(value) placeholder="Trace or correlation id" maxlength="128"
                    required autocomplete="off" spellcheck="false";
            }
            button type="submit" { "Find" }
        }
    }
}

/// Which APIs did not answer as they should; nothing if all did. One line per API is enough.
pub(crate) fn failures<'a>(errors: impl IntoIterator<Item = &'a Error>) -> Markup {
    let mut first = std::collections::BTreeMap::new();
    for error in errors {
        first.entry(error.api).or_insert(error);
    }
    html! {
        @if !first.is_empty() {
            div.failures role="alert" {
                @for (api, error) in first {
                    p {
                        @match error.hung_for() {
                            Some(limit) => {
                                strong { (api) " gave no answer within " (limit) "." }
                                " It hangs or is overloaded; it was asked at " (error.url) "."
                            },
                            None if error.is_unreachable() => { strong { (api) " does not answer." } " " (error) },
                            None => { strong { (api) " answered with an error." } " " (error) },
                        }
                    }
                }
            }
        }
    }
}
