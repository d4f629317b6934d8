//! What one target asks of which API, with everything in place: the pure half of running it.

use std::time::Duration;

use query::{Window, jaeger::SearchParams};
use serde_json::Value;

use super::{
    expand::{
        interval,
        timing::{Given, Timing},
        value::{Bindings, Flavour, interpolate, names},
    },
    model::{DataSource, Panel, Target},
};

/// How often Grafana is told that the data sources have new samples; what is provisioned as `timeInterval`.
const SCRAPE: &str = "1s";
/// Lines of a panel that does not say how many; enough to know that there are any.
const LINES: usize = 100;

/// A kind of data source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Metrics.
    Prometheus,
    /// Logs.
    Loki,
    /// Traces.
    Jaeger,
}

/// One request to one API.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// PromQL at the end of the window.
    Instant {
        /// The expression.
        expr: String,
    },
    /// PromQL over the window.
    Range {
        /// The expression.
        expr: String,
        /// Its window, on multiples of the step.
        window: Window,
        /// Between two points.
        step: Duration,
    },
    /// Exemplars of the series in an expression.
    Exemplars {
        /// The expression.
        expr: String,
    },
    /// LogQL over the window.
    LogRange {
        /// The query.
        expr: String,
        /// Between two points of a metric query.
        step: Duration,
        /// At most so many lines.
        limit: usize,
    },
    /// LogQL at the end of the window.
    LogInstant {
        /// The query.
        expr: String,
        /// At most so many lines.
        limit: usize,
    },
    /// Traces that fit.
    Search(SearchParams),
    /// One trace.
    Trace(String),
    /// Which service calls which.
    Dependencies,
}

/// What is known of a target without asking.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// These requests; each of them must bring something.
    Ask(Vec<Ask>),
    /// Nothing would be asked: an empty query.
    Nothing(String),
    /// It cannot be asked; why.
    Bad(String),
}

/// The data source of a target: its own, else its panel's.
pub fn data_source<'a>(panel: &'a Panel, target: &'a Target) -> Option<&'a DataSource> {
    let mixed = |source: &&DataSource| source.uid().is_some_and(|uid| !uid.starts_with("--"));
    target.datasource.as_ref().filter(mixed).or(panel.datasource.as_ref())
}

/// The kind of a data source: as written, else by its uid, which in this project is the kind's name or its beginning.
///
/// # Errors
/// It is none that can be asked; the text says which it is.
pub fn api(source: Option<&DataSource>, bindings: &Bindings) -> Result<Api, String> {
    let Some(source) = source else { return Err("it names no data source".to_owned()) };
    let uid = interpolate(source.uid().unwrap_or_default(), bindings, Flavour::Plain);
    match source.kind().unwrap_or(&uid) {
        "prometheus" | "prom" => Ok(Api::Prometheus),
        "loki" => Ok(Api::Loki),
        "jaeger" => Ok(Api::Jaeger),
        other => Err(format!("data sources of the type {other:?} are not asked here (uid {uid:?})")),
    }
}

/// What a target asks, in this window and with these values.
pub fn plan(panel: &Panel, target: &Target, bindings: &Bindings, window: Window) -> Plan {
    let api = match api(data_source(panel, target), bindings) {
        Ok(api) => api,
        Err(why) => return Plan::Bad(why),
    };
    let flavour = match api {
        Api::Prometheus => Flavour::Prometheus,
        Api::Loki => Flavour::Loki,
        Api::Jaeger => Flavour::Plain,
    };
    let filled = |text: &str| interpolate(text, bindings, flavour);
    let own_interval =
        target.interval.as_deref().or(target.step.as_deref()).map(filled).filter(|i| !i.is_empty());
    let panel_interval = panel.interval.as_deref().map(filled).filter(|i| !i.is_empty());
    let given = Given {
        panel_interval: panel_interval.as_deref(),
        max_data_points: panel.max_data_points,
        target_interval: own_interval.as_deref(),
        factor: target.interval_factor,
        scrape: Some(SCRAPE),
    };
    let timing = Timing::of(window, &given);
    if api == Api::Jaeger {
        return traces(target, &filled, &timing);
    }
    let text = filled(target.expr.as_deref().unwrap_or_default());
    if text.trim().is_empty() {
        return Plan::Nothing("the query is empty".to_owned());
    }
    let over = timing.apply(&text);
    let once = timing.apply_instant(&text);
    if let Some(name) = names(&over).into_iter().find(|name| !name.starts_with(|c: char| c.is_ascii_digit()))
    {
        return Plan::Bad(format!(
            "${name} is no variable of this dashboard, and no macro that is known here"
        ));
    }
    Plan::Ask(match api {
        Api::Loki => log_asks(target, over, once, &timing),
        _ => metric_asks(target, over, once, &timing),
    })
}

fn metric_asks(target: &Target, over: String, once: String, timing: &Timing) -> Vec<Ask> {
    let instant = target.instant.unwrap_or(false);
    // Neither of the two is the form of old dashboards: a range.
    let range = target.range.unwrap_or(!instant);
    let mut asks = Vec::new();
    if range {
        let step = timing.step;
        asks.push(Ask::Range { expr: over.clone(), window: aligned(timing.window, step), step });
    }
    if instant {
        asks.push(Ask::Instant { expr: once });
    }
    if range && target.exemplar.unwrap_or(false) {
        asks.push(Ask::Exemplars { expr: over });
    }
    asks
}

fn log_asks(target: &Target, over: String, once: String, timing: &Timing) -> Vec<Ask> {
    let limit = number(&target.max_lines).unwrap_or(LINES);
    let instant = target.query_type.as_deref() == Some("instant") || target.instant == Some(true);
    vec![match instant {
        true => Ask::LogInstant { expr: once, limit },
        false => Ask::LogRange { expr: over, step: timing.step, limit },
    }]
}

fn traces(target: &Target, filled: &dyn Fn(&str) -> String, timing: &Timing) -> Plan {
    let text = |field: &Option<String>| field.as_deref().map(filled).filter(|t| !t.trim().is_empty());
    match target.query_type.as_deref() {
        Some("dependencyGraph") => Plan::Ask(vec![Ask::Dependencies]),
        Some("search") => {
            let Some(service) = text(&target.service) else {
                return Plan::Bad("the search names no service, which the API requires".to_owned());
            };
            let mut search = SearchParams::new(&service, timing.window);
            search.operation = text(&target.operation).filter(|o| o != "All");
            search.limit = number(&target.limit).unwrap_or(20);
            if let Some(tags) = text(&target.tags) {
                match pairs(&tags) {
                    Some(pairs) => search.tags.extend(pairs),
                    None => return Plan::Bad(format!("the tags {tags:?} are not written as key=value")),
                }
            }
            for (field, place) in [
                (&target.min_duration, &mut search.min_duration),
                (&target.max_duration, &mut search.max_duration),
            ] {
                let Some(text) = text(field) else { continue };
                *place = duration(&text);
                if place.is_none() {
                    return Plan::Bad(format!("{text:?} is no duration such as 100ms or 1.2s"));
                }
            }
            Plan::Ask(vec![Ask::Search(search)])
        }
        None | Some("") => match filled(target.query.as_str().unwrap_or_default()).trim() {
            "" => Plan::Nothing("no trace id is given".to_owned()),
            id => Plan::Ask(vec![Ask::Trace(id.to_owned())]),
        },
        Some(other) => Plan::Bad(format!("Jaeger queries of the type {other:?} are not known here")),
    }
}

/// Numbers come as numbers or, from Grafana's text fields, as text.
fn number(value: &Value) -> Option<usize> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    usize::try_from(number).ok().filter(|n| *n > 0)
}

/// Reads `1.2s`, `100ms`, `500us`.
fn duration(text: &str) -> Option<Duration> {
    if let Some(whole) = interval::parse(text) {
        return Some(whole);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * unit).ok()
}

/// Reads `error=true http.route="/orders/{id}"`.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        if key.is_empty() || key.contains(char::is_whitespace) {
            return None;
        }
        found.push((key.to_owned(), value.to_owned()));
        rest = left.trim_start();
    }
    Some(found)
}

/// The window moved to multiples of the step, so that the same points come whenever it is asked.
fn aligned(window: Window, step: Duration) -> Window {
    let step = i64::try_from(step.as_nanos()).unwrap_or(i64::MAX).max(1);
    let down = |t: query::UnixNanos| query::UnixNanos(t.0.div_euclid(step) * step);
    Window { start: down(window.start), end: down(window.end) }
}

#[cfg(test)]
mod tests {
    use query::UnixNanos;
    use serde_json::json;

    use super::*;
    use crate::dashboards::expand::value::Binding;

    const SECOND: i64 = 1_000_000_000;
    const WINDOW: Window = Window { start: UnixNanos(1_003 * SECOND), end: UnixNanos(1_303 * SECOND) };

    fn planned(panel: Value, target: Value) -> Plan {
        let panel: Panel = serde_json::from_value(panel).expect("a panel");
        let target: Target = serde_json::from_value(target).expect("a target");
        let bindings = Bindings::from([
            ("datasource".to_owned(), Binding::one("prom")),
            ("service".to_owned(), Binding::one("order-service")),
            ("trace".to_owned(), Binding::one("")),
        ]);
        plan(&panel, &target, &bindings, WINDOW)
    }

    fn prometheus() -> Value {
        json!({"datasource": {"type": "prometheus", "uid": "${datasource}"}, "interval": "15s"})
    }

    #[test]
    fn a_range_with_exemplars_asks_twice_on_multiples_of_the_step() {
        let target = json!({"expr": "rate(x{service=\"$service\"}[$__rate_interval])", "range": true, "exemplar": true});
        let expr = "rate(x{service=\"order-service\"}[16s])".to_owned();
        let window = Window { start: UnixNanos(990 * SECOND), end: UnixNanos(1_290 * SECOND) };
        let range = Ask::Range { expr: expr.clone(), window, step: Duration::from_secs(15) };
        assert_eq!(planned(prometheus(), target), Plan::Ask(vec![range, Ask::Exemplars { expr }]));
    }

    #[test]
    fn an_instant_target_is_asked_once_and_one_that_says_nothing_over_the_range() {
        let instant = planned(prometheus(), json!({"expr": "up", "instant": true}));
        assert_eq!(instant, Plan::Ask(vec![Ask::Instant { expr: "up".to_owned() }]));
        let neither = planned(prometheus(), json!({"expr": "up"}));
        assert!(matches!(neither, Plan::Ask(asks) if matches!(asks[..], [Ask::Range { .. }])));
    }

    #[test]
    fn an_unknown_variable_is_named() {
        let bad = planned(prometheus(), json!({"expr": "up{job=\"$jbo\"}"}));
        assert!(matches!(&bad, Plan::Bad(why) if why.contains("$jbo")), "{bad:?}");
    }

    #[test]
    fn a_target_of_a_mixed_panel_asks_its_own_source() {
        let panel = json!({"datasource": {"type": "datasource", "uid": "-- Mixed --"}});
        let target = json!({"datasource": {"type": "loki", "uid": "loki"}, "expr": "{a=\"b\"}", "queryType": "range", "maxLines": 7});
        let asked = planned(panel.clone(), target);
        assert!(matches!(asked, Plan::Ask(asks) if matches!(asks[..], [Ask::LogRange { limit: 7, .. }])));
        assert!(matches!(planned(panel, json!({"expr": "up"})), Plan::Bad(_)));
    }

    #[test]
    fn a_search_needs_a_service_and_reads_tags_and_durations() {
        let panel = || json!({"datasource": {"type": "jaeger", "uid": "jaeger"}});
        let search = json!({"queryType": "search", "service": "$service", "tags": "http.response.status_code=503 http.route=\"/orders/{id}\"", "minDuration": "1.5ms", "limit": "5"});
        let Plan::Ask(asks) = planned(panel(), search) else { panic!("a search") };
        let [Ask::Search(search)] = &asks[..] else { panic!("{asks:?}") };
        assert_eq!((search.service.as_str(), search.limit), ("order-service", 5));
        assert_eq!(search.min_duration, Some(Duration::from_micros(1_500)));
        assert_eq!(search.tags["http.route"], "/orders/{id}");
        assert!(matches!(planned(panel(), json!({"queryType": "search"})), Plan::Bad(_)));
        assert!(matches!(planned(panel(), json!({"query": "$trace"})), Plan::Nothing(_)));
        assert_eq!(
            planned(panel(), json!({"queryType": "dependencyGraph"})),
            Plan::Ask(vec![Ask::Dependencies])
        );
    }
}
