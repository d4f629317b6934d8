//! Every PromQL query parses and has types that fit.

use super::{Notes, Site};

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for query in &site.queries.promql {
        if let Err(why) = &query.parsed {
            notes.query(query, &format!("it is not PromQL: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{asking, good, told_apart};

    #[test]
    fn what_does_not_parse_is_found() {
        told_apart("promql", good(), asking("sum(rate(orders_total[$__rate_interval])"), "not PromQL");
    }
}
