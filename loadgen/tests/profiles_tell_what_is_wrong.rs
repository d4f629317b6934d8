//! A bad profile is one error: file, line, key, what to do.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use loadgen::place::Mistake;
use loadgen::profile::{load, names, parse};
use std::path::PathBuf;

const STEADY: &str = include_str!("../profiles/steady.toml");

/// The error of the steady profile with one text replaced.
fn broken(from: &str, to: &str) -> (usize, String, String) {
    assert!(STEADY.contains(from), "{from}");
    match parse("broken", "broken.toml", &STEADY.replacen(from, to, 1)) {
        Err(Mistake { file, line, key, reason }) => {
            assert_eq!(file, "broken.toml");
            (line, key, reason)
        }
        other => panic!("{other:?}"),
    }
}

fn line_of(text: &str) -> usize {
    STEADY.lines().position(|l| l.starts_with(text)).unwrap() + 1
}

#[test]
fn all_built_in_profiles_load() {
    assert_eq!(names(), ["steady", "ramp", "spike", "daily"]);
    for name in names() {
        let profile = load(name, &[]).unwrap();
        assert_eq!(profile.name, name);
        assert!(!profile.about.is_empty());
    }
}

#[test]
fn an_unknown_profile_names_the_nearest() {
    let error = load("stedy", &[]).unwrap_err().to_string();
    assert_eq!(error, "no profile \"stedy\": did you mean `steady`?");
    let error = load("elephant", &[]).unwrap_err().to_string();
    assert_eq!(error, "no profile \"elephant\": known are daily, ramp, spike, steady");
}

#[test]
fn a_folder_overrides_and_adds() {
    let dir = tempfile::tempdir().unwrap();
    let text = STEADY.replace("rps = 20.0", "rps = 33.0");
    std::fs::write(dir.path().join("steady.toml"), &text).unwrap();
    std::fs::write(dir.path().join("mine.toml"), &text).unwrap();
    let dirs = [PathBuf::from("/nowhere"), dir.path().to_owned()];
    assert_eq!(load("steady", &dirs).unwrap().rps, 33.0);
    assert_eq!(load("mine", &dirs).unwrap().name, "mine");
    assert_eq!(load("ramp", &dirs).unwrap().rps, 20.0);
    let path = dir.path().join("mine.toml");
    assert_eq!(load(path.to_str().unwrap(), &[]).unwrap().name, "mine");
    let error = load("min", &dirs).unwrap_err().to_string();
    assert!(error.ends_with("did you mean `mine`?"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = load("./nowhere/x.toml", &[]).unwrap_err().to_string();
    assert!(error.starts_with("cannot read profile ./nowhere/x.toml: "), "{error}");
}

#[test]
fn a_mistyped_key_names_line_and_nearest() {
    let (line, key, reason) = broken("hot_share = 0.8", "hot_shar = 0.8");
    assert_eq!((line, key.as_str()), (line_of("hot_share"), "hot_shar"));
    assert!(reason.ends_with("did you mean `hot_share`?"), "{reason}");
    let (line, _, reason) = broken("sold-out = 2", "soldout = 2");
    assert_eq!(line, line_of("sold-out"));
    assert!(reason.ends_with("did you mean `sold-out`?"), "{reason}");
    let (line, _, reason) = broken("\"poisson\"", "\"poison\"");
    assert_eq!(line, line_of("spacing"));
    assert!(reason.ends_with("did you mean `poisson`?"), "{reason}");
    let (_, _, reason) = broken("[think]", "[thinks]");
    assert!(reason.contains("think"), "{reason}");
}

#[test]
fn values_without_meaning_name_their_line() {
    for (from, to, key, at) in [
        ("rps = 20.0", "rps = 0.0", "run.rps", "rps"),
        ("rps = 20.0", "rps = nan", "run.rps", "rps"),
        ("duration = \"1m\"", "duration = \"60\"", "run.duration", "duration"),
        ("timeout = \"5s\"", "timeout = \"0s\"", "run.timeout", "timeout"),
        ("[[0, 1.0], [100, 1.0]]", "[[0, 1.0], [90, 1.0]]", "arrivals.levels", "levels"),
        ("[[0, 1.0], [100, 1.0]]", "[[0, 0.0], [100, 0.0]]", "arrivals.levels", "levels"),
        ("[[0, 1.0], [100, 1.0]]", "[[0, 1.0], [60, 1], [50, 1], [100, 1]]", "arrivals.levels", "levels"),
        ("buy = 30", "buy = -1", "journeys.buy", "buy"),
        ("hot = 50", "hot = 5000", "products.hot", "hot "),
        ("hot_share = 0.8", "hot_share = 80", "products.hot_share", "hot_share"),
        ("failed = 0.01", "failed = 1.5", "thresholds.failed", "failed"),
        ("mean = \"200ms\"", "mean = \"2d\"", "think.mean", "mean"),
    ] {
        let (line, got, reason) = broken(from, to);
        assert_eq!((line, got.as_str()), (line_of(at), key), "{to}: {reason}");
    }
}

#[test]
fn wrong_types_and_torn_files_name_their_line() {
    assert_eq!(broken("rps = 20.0", "rps = \"20\"").0, line_of("rps"));
    assert_eq!(broken("hot = 50", "hot = ").0, line_of("hot "));
    let (_, _, reason) = broken("about = ", "# about = ");
    assert!(reason.contains("about"), "{reason}");
}

#[test]
fn a_profile_without_journeys_is_refused() {
    let none = STEADY.lines().filter(|l| {
        !["browse", "buy", "basket", "login", "wrong-id", "sold-out"].iter().any(|j| l.starts_with(j))
    });
    let text = none.collect::<Vec<_>>().join("\n");
    let error = parse("x", "x.toml", &text).unwrap_err().to_string();
    let line = text.lines().position(|l| l.starts_with("[journeys]")).unwrap() + 1;
    assert!(
        error.starts_with(&format!("x.toml:{line}: journeys: give at least one a weight above 0")),
        "{error}"
    );
}
