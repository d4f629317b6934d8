//! Queries ask for metrics that a stack really has.

use super::{Notes, Site, queries};

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for query in &site.queries.promql {
        let Ok(expr) = &query.parsed else { continue };
        queries::visit(expr, &mut |part, _| {
            let Some(name) = queries::selector(part).and_then(queries::metric) else { return };
            if site.catalogue.get(name).is_none() {
                let hint = match site.catalogue.nearest(name) {
                    Some(nearest) => format!("did you mean {nearest}?"),
                    None => "correct the name".to_owned(),
                };
                notes.query(query, &format!("nothing exposes {name}; {hint}"));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{asking, good, told_apart};

    #[test]
    fn annotations_are_held_against_the_same_rules() {
        let marking = |name: &str| {
            let mut dashboard = good();
            let query = format!("changes({name}{{service=~\"$service\"}}[$__interval]) > 0");
            dashboard["annotations"]["list"] = serde_json::json!([{"name": "Starts", "expr": query, "datasource": {"type": "prometheus", "uid": "${datasource}"}}]);
            dashboard
        };
        let (right, wrong) = ("process_start_time_seconds", "process_start_seconds");
        told_apart("metrics", marking(right), marking(wrong), "annotation Starts");
    }

    #[test]
    fn a_name_that_nothing_exposes_is_found_with_the_nearest_that_something_does() {
        let query = |name: &str| {
            asking(&format!("rate({name}{{service=~\"$service\"}}[$__rate_interval]) or vector(0)"))
        };
        told_apart("metrics", query("orders_total"), query("order_total"), "did you mean orders_total?");
    }
}
