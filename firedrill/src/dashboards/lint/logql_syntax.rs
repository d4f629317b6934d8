//! Every LogQL query is well formed. Only the grammar is looked at: whether Loki takes it is for `check` to see.

use super::{Notes, Site};

pub(super) fn check(site: &Site<'_>, notes: &mut Notes<'_>) {
    for query in &site.queries.logql {
        if let Err(why) = &query.parsed {
            notes.query(query, &format!("it is not LogQL: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{asking_loki, told_apart};

    #[test]
    fn what_is_not_well_formed_is_found() {
        let query =
            |label: &str| asking_loki(&format!("sum(count_over_time({{service_name={label}}}[$__auto]))"));
        told_apart("logql", query("\"a\""), query("a"), "not LogQL");
    }
}
