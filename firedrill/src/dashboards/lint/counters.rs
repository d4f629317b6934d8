//! Counters are rated, since their height only says how long a process has lived; gauges are not, since a fall of
//! theirs is no restart.

use promql_parser::parser::Expr;

use super::{Notes, Site, queries};
use crate::dashboards::catalogue::Kind;

/// Functions that are right for what only rises.
const RATES: [&str; 5] = ["rate", "increase", "irate", "resets", "changes"];
/// Functions and aggregations that ask whether there is something, not how much.
const PRESENCE: [&str; 6] =
    ["absent", "absent_over_time", "present_over_time", "count", "group", "timestamp"];

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for query in &site.queries.promql {
        let Ok(expr) = &query.parsed else { continue };
        queries::visit(expr, &mut |part, around| {
            let Some(name) = queries::selector(part).and_then(queries::metric) else { return };
            let Some(metric) = site.catalogue.get(name) else { return };
            let function = queries::call_around(around).map(|call| call.func.name).unwrap_or_default();
            // Further out there may be any number of aggregations and functions of the result.
            let rated = matches!(part, Expr::MatrixSelector(_)) && RATES.contains(&function);
            let message = match metric.kind {
                Kind::Counter if !rated && !asks_presence(around) => "is a counter; rate it",
                Kind::Gauge | Kind::Info if rated && function != "changes" => {
                    "is no counter; show it as it is, or use delta or deriv"
                }
                _ => return,
            };
            notes.query(query, &format!("{name} {message}"));
        });
    }
}

fn asks_presence(around: &[&Expr]) -> bool {
    around.iter().any(|expr| match expr {
        Expr::Call(call) => PRESENCE.contains(&call.func.name),
        Expr::Aggregate(aggregate) => PRESENCE.contains(&aggregate.op.to_string().as_str()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{asking, good, told_apart};

    #[test]
    fn a_counter_that_is_not_rated_is_found() {
        told_apart(
            "counters",
            good(),
            asking("sum(orders_total{service=~\"$service\"})"),
            "orders_total is a counter; rate it",
        );
        let presence = asking("count(orders_total{service=~\"$service\"})");
        told_apart("counters", presence, asking("delta(orders_total{service=~\"$service\"}[5m])"), "rate it");
    }

    #[test]
    fn a_gauge_that_is_rated_is_found() {
        let query = |f: &str| asking(&format!("{f}(stock_units{{service=~\"$service\"}}[$__rate_interval])"));
        told_apart("counters", query("delta"), query("rate"), "stock_units is no counter");
    }
}
