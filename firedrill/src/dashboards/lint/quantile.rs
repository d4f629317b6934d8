//! A quantile of a histogram is taken over its buckets, so they must still be told apart by `le` when it is.

use promql_parser::parser::{Expr, LabelModifier};

use super::{Notes, Site, queries};

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for query in &site.queries.promql {
        let Ok(expr) = &query.parsed else { continue };
        queries::visit(expr, &mut |part, _| {
            let Expr::Call(call) = part else { return };
            if !["histogram_quantile", "histogram_fraction"].contains(&call.func.name) {
                return;
            }
            let Some(buckets) = call.args.args.last() else { return };
            if let Some(why) = wrong(buckets) {
                notes.query(query, why);
            }
        });
    }
}

/// Why this is no set of buckets.
fn wrong(buckets: &Expr) -> Option<&'static str> {
    let mut outermost = buckets;
    while let Expr::Paren(paren) = outermost {
        outermost = &paren.expr;
    }
    if let Expr::Aggregate(aggregate) = outermost {
        let kept = match &aggregate.modifier {
            Some(LabelModifier::Include(labels)) => labels.labels.iter().any(|label| label == "le"),
            Some(LabelModifier::Exclude(labels)) => !labels.labels.iter().any(|label| label == "le"),
            None => false,
        };
        if !kept {
            return Some("the buckets are added up without le; write sum by (le, …)");
        }
    }
    let mut of_buckets = true;
    queries::visit(buckets, &mut |part, _| {
        let name = queries::selector(part).and_then(queries::metric);
        of_buckets &= name.is_none_or(|name| name.ends_with("_bucket"));
    });
    (!of_buckets).then_some("a quantile is taken of something else than buckets; ask for …_bucket")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{asking, told_apart};

    fn quantile(by: &str, metric: &str) -> serde_json::Value {
        asking(&format!(
            "histogram_quantile(0.95, sum{by} (rate({metric}{{service=~\"$service\"}}[$__rate_interval])))"
        ))
    }

    #[test]
    fn buckets_that_are_no_longer_told_apart_are_found() {
        let buckets = "http_server_request_duration_seconds_bucket";
        told_apart(
            "quantile",
            quantile(" by (service, le)", buckets),
            quantile(" by (service)", buckets),
            "without le",
        );
        told_apart(
            "quantile",
            quantile(" without (route)", buckets),
            quantile(" without (le)", buckets),
            "without le",
        );
    }

    #[test]
    fn a_quantile_of_no_buckets_is_found() {
        let (good, bad) =
            ("http_server_request_duration_seconds_bucket", "http_server_request_duration_seconds_sum");
        told_apart("quantile", quantile(" by (le)", good), quantile(" by (le)", bad), "else than buckets");
    }
}
