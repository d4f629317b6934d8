//! `rate` and `increase` look back over `$__rate_interval`: a fixed time is too short for some step and scrape interval,
//! and skips samples at others. The whole range, `$__range`, is right for a total that is asked for once.

use promql_parser::parser::Expr;

use super::{Notes, Site, queries};

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for query in &site.queries.promql {
        let Ok(expr) = &query.parsed else { continue };
        queries::visit(expr, &mut |part, around| {
            let (Expr::MatrixSelector(matrix), Some(call)) = (part, queries::call_around(around)) else {
                return;
            };
            if !["rate", "increase", "irate"].contains(&call.func.name) {
                return;
            }
            let once = query.target.instant == Some(true) && query.target.range != Some(true);
            if matrix.range != queries::RATE_INTERVAL && !(matrix.range == queries::RANGE && once) {
                let message = format!(
                    "{} looks back over another time than $__rate_interval; write [$__rate_interval]",
                    call.func.name
                );
                notes.query(query, &message);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{asking, good, said, told_apart};

    #[test]
    fn a_fixed_time_is_found() {
        told_apart(
            "rate-interval",
            good(),
            asking("rate(orders_total{service=~\"$service\"}[5m])"),
            "write [$__rate_interval]",
        );
        told_apart(
            "rate-interval",
            good(),
            asking("rate(orders_total{service=~\"$service\"}[$__interval])"),
            "write [",
        );
    }

    #[test]
    fn the_whole_range_is_right_for_what_is_asked_once() {
        let mut total = asking("sum(increase(orders_total{service=~\"$service\"}[$__range]))");
        assert_eq!(said("rate-interval", &[total.clone()]).len(), 1);
        total["panels"][0]["targets"][0]["instant"] = json!(true);
        assert_eq!(said("rate-interval", &[total]), [""; 0]);
    }
}
