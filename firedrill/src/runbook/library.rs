//! Where pages lie: in the folder of a checkout, which overrides those that the program carries.

use std::{collections::BTreeMap, fs, path::Path};

use super::{Mistake, Runbook, check::check, read};
use crate::failure::Failure;

include!(concat!(env!("OUT_DIR"), "/embedded_runbooks.rs"));

/// The folder of a checkout.
const ON_DISK: &str = "runbooks";
/// A page about the pages.
const README: &str = "README.md";

/// The texts of all pages, by the name of their file.
///
/// # Errors
/// A file cannot be read.
pub fn pages() -> Result<BTreeMap<String, String>, Failure> {
    let folder = Path::new(ON_DISK);
    let mut pages = if folder.is_dir() { on_disk(folder)? } else { carried() };
    pages.retain(|name, _| name != README && name.ends_with(".md"));
    Ok(pages)
}

fn carried() -> BTreeMap<String, String> {
    EMBEDDED_RUNBOOKS.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn on_disk(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let unreadable = |path: &Path, e: &std::io::Error| {
        Failure::environment(format!("cannot read {}: {e}", path.display()))
    };
    let entries = fs::read_dir(folder).map_err(|e| unreadable(folder, &e))?;
    let mut pages = BTreeMap::new();
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            let text = fs::read_to_string(&path).map_err(|e| unreadable(&path, &e))?;
            pages.insert(name, text);
        }
    }
    Ok(pages)
}

/// The page of an alert, as it is written.
///
/// # Errors
/// There is none; the nearest is named.
pub fn text(alert: &str) -> Result<String, Failure> {
    let mut pages = pages()?;
    pages.remove(&file(alert)).ok_or_else(|| {
        let known: Vec<&str> = pages.keys().map(|name| name.trim_end_matches(".md")).collect();
        let nearest = loadgen::nearest::suggestion(alert, &known);
        Failure::arguments(format!("there is no runbook of {alert:?}; {nearest}"))
    })
}

/// The page of an alert, ready to be run.
///
/// # Errors
/// There is none, or it has a mistake.
pub fn open(alert: &str) -> Result<Runbook, Failure> {
    whole(alert, &text(alert)?).map_err(|mistake| Failure::not_good(mistake.to_string()))
}

/// All of them.
///
/// # Errors
/// One has a mistake.
pub fn all() -> Result<Vec<Runbook>, Failure> {
    let read = |(name, text): (&String, &String)| whole(name.trim_end_matches(".md"), text);
    let read: Result<Vec<Runbook>, Mistake> = pages()?.iter().map(read).collect();
    read.map_err(|mistake| Failure::not_good(mistake.to_string()))
}

fn whole(alert: &str, text: &str) -> Result<Runbook, Mistake> {
    let place = format!("{ON_DISK}/{}", file(alert));
    let runbook = read(&place, alert, text)?;
    check(&place, &runbook).map(|()| runbook)
}

fn file(alert: &str) -> String {
    format!("{alert}.md")
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use slo::generate;

    use super::{
        super::{Query, over},
        *,
    };
    use crate::dashboards::{catalogue::catalogue, lint::queries};

    // A test runs in the package's folder: it sees what the program carries.

    #[test]
    fn every_alert_has_a_page_that_can_be_run_and_no_page_is_left_over() {
        let slos = slo::files::specs(None).expect("good specs");
        let mut alerts: BTreeSet<String> = slos.into_iter().map(|slo| slo.alert).collect();
        alerts.insert(generate::SILENT.to_owned());
        let pages = all().unwrap_or_else(|failure| panic!("{failure}"));
        let known: BTreeSet<String> = pages.iter().map(|page| page.alert.clone()).collect();
        assert_eq!(known, alerts);
        for page in pages {
            assert!(!page.meaning.is_empty() && page.steps.len() > 1, "{}", page.alert);
            assert!(!page.remedies.is_empty(), "{} says what to do and never how", page.alert);
        }
    }

    #[test]
    fn pages_ask_for_metrics_that_a_stack_has() {
        for page in all().expect("good pages") {
            for step in &page.steps {
                let Query::Promql(text) = &step.query else { continue };
                let parsed = promql_parser::parser::parse(&over(text, Duration::from_secs(300)));
                queries::visit(&parsed.expect("PromQL"), &mut |part, _| {
                    let Some(name) = queries::selector(part).and_then(queries::metric) else { return };
                    assert!(
                        catalogue().get(name).is_some(),
                        "{}:{}: nothing exposes {name}",
                        page.alert,
                        step.line
                    );
                });
            }
        }
    }

    #[test]
    fn pages_operate_on_the_services_that_there_are() {
        for page in all().expect("good pages") {
            for words in page.remedies.iter().flat_map(|remedy| &remedy.ops) {
                let service = words.get(1).map(String::as_str);
                let known = ["user-service", "product-service", "order-service"];
                assert!(service.is_some_and(|name| known.contains(&name)), "{}: {words:?}", page.alert);
            }
        }
    }

    #[test]
    fn a_mistyped_alert_is_named_with_the_nearest() {
        let failure = open("OrderPlacementFail").expect_err("a typo");
        assert_eq!(failure.code, crate::failure::Code::BadArguments);
        assert!(failure.message.contains("did you mean `OrderPlacementFails`?"), "{failure}");
        assert!(open("README").is_err() && open("../README").is_err());
    }
}
