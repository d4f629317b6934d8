//! What an answer means: data, nothing, an error, or the refusal of a backend that cannot answer such a question.

use std::collections::BTreeSet;

use promql_parser::parser;
use query::{Error, ErrorKind};

use super::{ask::Came, report::Outcome};
use crate::dashboards::{catalogue::catalogue, lint::metrics_of, plan::Ask};

/// How a backend words that it cannot answer yet what it understands well.
const REFUSAL: &str = "is not supported yet by";

/// What the stack has.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The jobs that are scraped.
    pub(super) jobs: Vec<String>,
    /// The names of the metrics that there are.
    pub(super) metrics: BTreeSet<String>,
}

/// The meaning of one answer.
pub(super) fn of(ask: &Ask, answer: Result<Came, Error>, known: &Known) -> Outcome {
    let metrics = metrics(ask);
    // An `or vector(0)` hides that a name is wrong, so names are looked at whatever comes back.
    let unknown = metrics.iter().find(|m| !known.metrics.contains(*m) && catalogue().get(m).is_none());
    if let Some(name) = unknown {
        let hint = catalogue().nearest(name).map(|nearest| format!("; did you mean {nearest}?"));
        return Outcome::Error(format!("nothing exposes a metric {name}{}", hint.unwrap_or_default()));
    }
    match answer {
        Ok(Came::Something) => Outcome::Data,
        Ok(came) => match lacking(&metrics, known) {
            Some(what) => Outcome::Absent(format!("there are no metrics of {what}")),
            None => Outcome::Empty(nothing(ask, &came).to_owned()),
        },
        Err(error) => match &error.kind {
            ErrorKind::Api { message, .. } if message.contains(REFUSAL) => {
                Outcome::Unsupported(message.clone())
            }
            ErrorKind::NotFound { .. } if matches!(ask, Ask::Trace(_)) => {
                Outcome::Empty("there is no such trace".to_owned())
            }
            _ => Outcome::Error(error.to_string()),
        },
    }
}

fn nothing(ask: &Ask, came: &Came) -> &'static str {
    match (ask, came) {
        (_, Came::NotANumber) => "no value is a number (NaN throughout)",
        (Ask::Exemplars { .. }, _) => "no exemplars, though there are values",
        (Ask::LogRange { .. } | Ask::LogInstant { .. }, _) => "no lines, or no series of them",
        (Ask::Search(_) | Ask::Trace(_), _) => "no traces",
        (Ask::Dependencies, _) => "no dependencies",
        _ => "no series",
    }
}

/// The names in a PromQL question.
fn metrics(ask: &Ask) -> Vec<String> {
    let (Ask::Instant { expr } | Ask::Range { expr, .. } | Ask::Exemplars { expr }) = ask else {
        return Vec::new();
    };
    // What does not parse here is refused by the server, in its own words.
    parser::parse(expr).map(|expr| metrics_of(&expr)).unwrap_or_default()
}

/// The program that a question needs and the stack does not have.
fn lacking(metrics: &[String], known: &Known) -> Option<String> {
    let absent = metrics.iter().filter(|m| !known.metrics.contains(*m));
    let mut absent = absent.filter_map(|m| catalogue().absent(m, &known.jobs));
    absent.next()
}

#[cfg(test)]
mod tests {
    use query::Api;

    use super::*;

    fn known() -> Known {
        let metrics = ["up", "orders_total"].map(str::to_owned).into();
        Known { jobs: vec!["order-service".to_owned()], metrics }
    }

    fn instant(expr: &str) -> Ask {
        Ask::Instant { expr: expr.to_owned() }
    }

    fn failed(kind: ErrorKind) -> Result<Came, Error> {
        Err(Error { api: Api::Loki, asked: "range query x".to_owned(), url: "http://a".to_owned(), kind })
    }

    #[test]
    fn a_wrong_name_is_an_error_even_behind_a_fallback() {
        let ask = instant("sum(rate(order_total[1m])) or vector(0)");
        let Outcome::Error(why) = of(&ask, Ok(Came::Something), &known()) else { panic!("an error") };
        assert!(why.contains("order_total") && why.contains("did you mean orders_total?"), "{why}");
    }

    #[test]
    fn what_a_stack_has_no_program_for_is_not_called_empty() {
        let outcome = of(&instant("otelcol_exporter_queue_size"), Ok(Came::Nothing), &known());
        assert!(matches!(&outcome, Outcome::Absent(why) if why.contains("collector")), "{outcome:?}");
        let outcome = of(&instant("rate(orders_total[1m])"), Ok(Came::Nothing), &known());
        assert_eq!(outcome, Outcome::Empty("no series".to_owned()));
    }

    #[test]
    fn a_refusal_is_told_from_an_error_and_a_hanging_backend_is_named() {
        let said = |message: &str| {
            let kind = ErrorKind::Api { status: 400, error_type: None, message: message.to_owned() };
            of(&Ask::LogInstant { expr: String::new(), limit: 1 }, failed(kind), &known())
        };
        assert!(matches!(
            said("the metric query rate() is not supported yet by the embedded backend"),
            Outcome::Unsupported(_)
        ));
        assert!(matches!(said("parse error"), Outcome::Error(_)));
        let hung = failed(ErrorKind::Timeout(std::time::Duration::from_secs(10)));
        let outcome = of(&Ask::Dependencies, hung, &known());
        assert!(
            matches!(&outcome, Outcome::Error(why) if why.contains("hangs") && why.contains("range query x")),
            "{outcome:?}"
        );
    }
}
