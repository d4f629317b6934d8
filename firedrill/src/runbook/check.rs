//! Holds what a page would run against the parsers of its languages: a mistake is told before anything is asked, with its line.

use std::time::Duration;

use clap::Parser as _;
use promql_parser::parser;

use super::{Mistake, Query, Runbook, over};
use crate::{
    cli::{Cli, Command, Ops},
    dashboards::logql,
};

/// Any length of time: whether a query is one does not depend on it.
const ANY: Duration = Duration::from_secs(300);

/// Fails with the first block that cannot be run.
///
/// # Errors
/// A query is none, or the command line knows no such operation.
pub fn check(file: &str, runbook: &Runbook) -> Result<(), Mistake> {
    // Parsers say it in several lines; a mistake is one.
    let one_line = |what: String| what.split_whitespace().collect::<Vec<_>>().join(" ");
    let mistake =
        |line: usize, what: String| Err(Mistake { file: file.to_owned(), line, what: one_line(what) });
    for step in &runbook.steps {
        let wrong = match &step.query {
            Query::Promql(text) => {
                parser::parse(&over(text, ANY)).err().map(|why| format!("it is not PromQL: {why}"))
            }
            Query::Logql(text) => {
                logql::parse(&over(text, ANY)).err().map(|why| format!("it is not LogQL: {why}"))
            }
            Query::Traces(_) => None,
        };
        if let Some(what) = wrong {
            return mistake(step.line, what);
        }
    }
    for remedy in &runbook.remedies {
        for words in &remedy.ops {
            if let Err(why) = operation(words) {
                return mistake(remedy.line, format!("`ops {}` is no operation: {why}", words.join(" ")));
            }
        }
    }
    Ok(())
}

/// What the command line takes these words for; the error is its own.
///
/// # Errors
/// It knows no such operation.
pub fn operation(words: &[String]) -> Result<Ops, String> {
    let line = ["firedrill", "ops"].into_iter().chain(words.iter().map(String::as_str));
    match Cli::try_parse_from(line) {
        Ok(Cli { command: Command::Ops(ops), .. }) => Ok(ops),
        Ok(_) => Err("it is another command".to_owned()),
        Err(error) => {
            let text = error.to_string();
            Err(text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ").to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::read, *};

    fn wrong(language: &str, query: &str, ops: &str) -> String {
        let page = format!(
            "# A\n## Meaning\nM.\n## Impact\nI.\n## Diagnosis\n1. So? There.\n```{language}\n# abnormal: any\n{query}\n```\n\
             ## Mitigation\n- Do.\n```ops\n# when abnormal: 1\n{ops}\n```\n"
        );
        let page = read("p.md", "A", &page).expect("its form is right");
        check("p.md", &page).map_or_else(|mistake| mistake.to_string(), |()| String::new())
    }

    #[test]
    fn what_cannot_be_run_is_named_with_its_line() {
        let good = ("promql", "rate(a_total[$__range])", "set shop db.pool.max_connections=4");
        assert_eq!(wrong(good.0, good.1, good.2), "");
        assert_eq!(wrong("logql", "sum(count_over_time({a=\"b\"} |= \"x\" [$__range]))", good.2), "");
        for (language, query, ops, said) in [
            ("promql", "rate(a_total[$__range]", good.2, "p.md:8: it is not PromQL"),
            ("logql", "{a=b}", good.2, "p.md:8: it is not LogQL"),
            (good.0, good.1, "set shop", "p.md:14: `ops set shop` is no operation"),
            (good.0, good.1, "explode shop", "p.md:14: `ops explode shop` is no operation"),
            (good.0, good.1, "restart --help", "p.md:14: `ops restart --help` is no operation"),
        ] {
            let error = wrong(language, query, ops);
            assert!(error.starts_with(said) && error.lines().count() == 1, "{said}\n{error}");
        }
    }
}
