//! Reads live cases: TOML.

use serde::Deserialize;
use toml::Spanned;

use super::{Case, Fault, fits};
use crate::{
    contract::time,
    generate::SILENT,
    place::{Error, Problem},
    spec::Slo,
};

/// The longest that something is done, in seconds of speed 1.
const LONGEST: u32 = 6 * 3600;
/// The longest delay, in milliseconds.
const LATEST: u32 = 60_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    stop: Option<String>,
    kill: Option<String>,
    slow: Option<Slow>,
    reset: Option<Reset>,
    #[serde(rename = "for")]
    length: String,
    within: Option<String>,
    #[serde(default)]
    pages: Vec<String>,
    #[serde(default)]
    may: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Slow {
    link: String,
    delay_ms: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    link: String,
    share: f64,
}

/// The cases of one file. Alerts that they name are those of the objectives.
pub fn read(file: &str, text: &str, slos: &[Slo]) -> Result<Vec<Case>, Error> {
    let line_at = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let all = || {
        let written: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_at(span.start));
            Problem::new(line, "", error.message().to_owned())
        })?;
        let each = written.case.into_iter().map(|case| {
            let (line, name) = (line_at(case.name.span().start), case.name.get_ref().clone());
            let read = one(case, slos)
                .map_err(|(key, message)| Problem::new(line, format!("case {name:?}: {key}"), message))?;
            Ok(Case { file: file.to_owned(), line, ..read })
        });
        each.collect::<Result<Vec<Case>, Problem>>()
    };
    all().map_err(|problem| problem.in_file(file))
}

type Mistake = (&'static str, String);

fn one(written: Written, slos: &[Slo]) -> Result<Case, Mistake> {
    let faults = [
        written.stop.map(Fault::Stop),
        written.kill.map(Fault::Kill),
        written.slow.map(|slow| Fault::Slow(slow.link, slow.delay_ms)),
        written.reset.map(|reset| Fault::Reset(reset.link, reset.share)),
    ];
    let mut faults = faults.into_iter().flatten();
    let fault = faults.next().unwrap_or(Fault::Nothing);
    if faults.next().is_some() {
        return Err(("stop", "one of stop, kill, slow and reset is done at a time".into()));
    }
    match &fault {
        Fault::Slow(_, ms) if *ms > LATEST => return Err(("slow", format!("at most {LATEST} ms"))),
        Fault::Reset(_, share) if !(*share > 0.0 && *share <= 1.0) => {
            return Err(("reset", "expected a share above 0 and at most 1".into()));
        }
        _ => {}
    }
    let seconds = time(&written.length).map_err(|message| ("for", message))?;
    if seconds == 0 || seconds > LONGEST {
        return Err(("for", format!("from one minute to {LONGEST} seconds")));
    }
    let within =
        written.within.map_or(Ok(seconds), |text| time(&text).map_err(|message| ("within", message)))?;
    let names: Vec<&str> = slos.iter().map(|slo| slo.alert.as_str()).chain([SILENT]).collect();
    for (key, all) in [("pages", &written.pages), ("may", &written.may)] {
        let unknown = all.iter().find(|pattern| !names.iter().any(|name| fits(pattern, name)));
        if let Some(unknown) = unknown {
            return Err((key, format!("there is no alert {unknown}; the objectives name theirs")));
        }
    }
    if let Some(pattern) = written.pages.iter().find(|page| page.ends_with('*')) {
        return Err(("pages", format!("{pattern} is no name; what must page is named in full")));
    }
    Ok(Case {
        file: String::new(),
        line: 0,
        name: written.name.into_inner(),
        fault,
        seconds,
        within,
        pages: written.pages,
        may: written.may,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::files;

    fn slos() -> Vec<Slo> {
        files::specs(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).expect("good specs")
    }

    const GOOD: &str = "[[case]]\nname = \"n\"\nreset = { link = \"a>b\", share = 0.5 }\nfor = \"20m\"\nwithin = \"10m\"\npages = [\"OrderPlacementFails\"]\nmay = [\"Order*\"]\n";

    #[test]
    fn what_is_carried_is_read_and_has_each_kind() {
        let all = files::live(Some(Path::new(env!("CARGO_MANIFEST_DIR"))), &slos()).expect("good cases");
        assert!(all.iter().any(|case| case.fault == Fault::Nothing && case.pages.is_empty()));
        assert!(all.iter().any(|case| matches!(case.fault, Fault::Stop(_))));
        assert!(all.iter().any(|case| matches!(case.fault, Fault::Kill(_))));
        assert!(all.iter().any(|case| matches!(case.fault, Fault::Slow(..))));
        assert!(all.iter().any(|case| matches!(case.fault, Fault::Reset(..))));
        assert!(all.iter().all(|case| case.fault == Fault::Nothing || !case.pages.is_empty()));
    }

    #[test]
    fn a_case_says_what_is_done_and_what_may_come_of_it() {
        let case = read("a.toml", GOOD, &slos()).expect("good").remove(0);
        assert_eq!(case.fault, Fault::Reset("a>b".into(), 0.5));
        assert_eq!((case.seconds, case.within, case.line), (1200, 600, 2));
        assert!(case.allows("OrderPlacementFails") && case.allows("OrderHistoryFails"));
        assert!(!case.allows("LoginFails"));
    }

    #[test]
    fn each_mistake_is_one_error_with_file_line_and_key() {
        for (from, to, place, word) in [
            ("0.5", "1.5", "a.toml:2: case \"n\": reset: ", "at most 1"),
            ("20m", "20s", "a.toml:2: case \"n\": for: ", "whole minutes"),
            ("for = ", "stop = \"x\"\nfor = ", "a.toml:2: ", "at a time"),
            ("[\"OrderPlacementFails\"]", "[\"OrderFails\"]", "a.toml:2: case \"n\": pages: ", "no alert"),
            ("[\"OrderPlacementFails\"]", "[\"Order*\"]", "a.toml:2: ", "in full"),
            ("\"Order*\"", "\"Oder*\"", "a.toml:2: case \"n\": may: ", "no alert"),
            ("within", "witin", "a.toml:5: ", "unknown field"),
        ] {
            let error = read("a.toml", &GOOD.replacen(from, to, 1), &slos()).expect_err(to).to_string();
            assert!(error.starts_with(place) && error.contains(word), "{to:?}: {error}");
        }
    }
}
