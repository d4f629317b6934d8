//! Every selector says whose series it means: without one a second stack in the same Prometheus or Loki is added in.

use super::{Notes, Site, queries};

/// Labels that name a process, a service or an objective of one.
const OWNERS: [&str; 8] = ["service", "job", "instance", "service_name", "client", "server", "peer", "slo"];

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for query in &site.queries.promql {
        let Ok(expr) = &query.parsed else { continue };
        queries::visit(expr, &mut |part, _| {
            let Some(selector) = queries::selector(part) else { return };
            let owned =
                queries::matchers(selector).any(|m| OWNERS.contains(&m.name.as_str()) && !m.value.is_empty());
            if !owned {
                let name = queries::metric(selector).unwrap_or("a selector");
                let owners = OWNERS.join(", ");
                notes.query(query, &format!("{name} is asked of everybody; select by one of {owners}"));
            }
        });
    }
    for query in &site.queries.logql {
        for selector in query.parsed.iter().flatten() {
            if !selector.iter().any(|(name, value)| OWNERS.contains(&name.as_str()) && !value.is_empty()) {
                notes.query(query, "its stream selector names no service_name or job; add one");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{asking, asking_loki, told_apart};

    #[test]
    fn a_query_for_everybodys_series_is_found() {
        let query = |labels: &str| asking(&format!("sum(http_server_active_requests{{{labels}}})"));
        told_apart("selectors", query("job=~\"$service\""), query(""), "asked of everybody");
    }

    #[test]
    fn a_query_for_everybodys_lines_is_found() {
        let query = |labels: &str| asking_loki(&format!("{{{labels}}} |= \"x\""));
        told_apart(
            "selectors",
            query("service_name=~\".+\""),
            query("level=\"error\""),
            "service_name or job",
        );
    }
}
