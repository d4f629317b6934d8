//! Reads contracts: TOML, a list of objectives and what holds for each of them.

use serde::Deserialize;
use toml::Spanned;

use super::{Beside, Bound, Contract, Expect, Phase, Value};
use crate::{
    generate::{INTERVAL, TIERS},
    place::{Error, Problem},
    spec::{Indicator, Slo},
};

/// The longest contract, in seconds: promtool refuses a window of more than 10,000 samples, and one a minute is a week but
/// for two hours.
const LONGEST: u32 = 9_960 * INTERVAL;

/// A budget of at most this much leaves room for thirty times as many errors.
const STRICT: f64 = 0.03;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    slos: Spanned<Vec<String>>,
    #[serde(default)]
    slow: bool,
    contract: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    #[serde(default)]
    decision: String,
    #[serde(default)]
    history: Option<String>,
    #[serde(default)]
    traffic: Option<f64>,
    #[serde(default)]
    background: f64,
    #[serde(default)]
    noise: Option<u64>,
    #[serde(default)]
    unborn: bool,
    #[serde(default)]
    phases: Vec<WrittenPhase>,
    #[serde(default)]
    tail: Option<String>,
    #[serde(default)]
    expect: Vec<WrittenExpect>,
    #[serde(default)]
    may: Vec<String>,
    #[serde(default)]
    beside: Vec<WrittenBeside>,
    #[serde(default)]
    values: Vec<WrittenValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPhase {
    #[serde(rename = "for")]
    length: String,
    #[serde(default)]
    errors: Option<f64>,
    #[serde(default)]
    burn: Option<f64>,
    #[serde(default)]
    failures: Option<f64>,
    #[serde(default)]
    traffic: Option<f64>,
    #[serde(default)]
    gauge: Option<f64>,
    #[serde(default)]
    absent: bool,
    #[serde(default)]
    restart: bool,
    #[serde(default)]
    healthy: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenExpect {
    tier: String,
    #[serde(default)]
    fires: Option<String>,
    #[serde(default)]
    fires_within: Option<String>,
    #[serde(default)]
    clears: Option<String>,
    #[serde(default)]
    clears_within: Option<String>,
    #[serde(default)]
    lasts: bool,
    #[serde(default)]
    repeats: bool,
    #[serde(default)]
    receiver: Option<String>,
    #[serde(default)]
    inhibits: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBeside {
    slo: String,
    inhibits: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenValue {
    expr: String,
    at: String,
    is: Option<f64>,
}

/// The contracts of one file, one for each objective that they hold for.
pub fn read(file: &str, text: &str, slos: &[Slo]) -> Result<Vec<Contract>, Error> {
    let line_at = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let all = || {
        let written: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_at(span.start));
            Problem::new(line, "", error.message().to_owned())
        })?;
        let line = line_at(written.slos.span().start);
        let meant =
            meant(written.slos.get_ref(), slos).map_err(|message| Problem::new(line, "slos", message))?;
        let mut contracts = Vec::new();
        for contract in &written.contract {
            let line = line_at(contract.name.span().start);
            for slo in &meant {
                let read = one(contract, slo, slos).map_err(|(key, message)| {
                    let key = format!("contract {:?}: {key}", contract.name.get_ref());
                    Problem::new(line, key, message)
                })?;
                contracts.push(Contract { file: file.to_owned(), line, slow: written.slow, ..read });
            }
        }
        Ok(contracts)
    };
    all().map_err(|problem: Problem| problem.in_file(file))
}

/// The objectives that a list names, by name or by kind.
fn meant<'s>(names: &[String], slos: &'s [Slo]) -> Result<Vec<&'s Slo>, String> {
    let mut meant = Vec::new();
    for name in names {
        let fits = |slo: &&Slo| {
            let gauge = matches!(slo.indicator, Indicator::Threshold { .. });
            match name.as_str() {
                "all" => true,
                "all of events" => !gauge,
                "all of time" => gauge,
                "all of events that are strict" => !gauge && slo.budget() <= STRICT,
                "all of events that tell of silence" => !gauge && slo.silence.is_some(),
                name => slo.name == name,
            }
        };
        let found: Vec<&Slo> = slos.iter().filter(fits).collect();
        if found.is_empty() {
            return Err(format!("there is no objective {name}"));
        }
        meant.extend(found);
    }
    Ok(meant)
}

type Mistake = (String, String);

fn one(written: &Written, slo: &Slo, slos: &[Slo]) -> Result<Contract, Mistake> {
    let gauge = matches!(slo.indicator, Indicator::Threshold { .. });
    let contract = Contract {
        file: String::new(),
        line: 0,
        slow: false,
        name: written.name.get_ref().clone(),
        decision: written.decision.split_whitespace().collect::<Vec<_>>().join(" "),
        slo: slo.clone(),
        history: written.history.as_deref().map_or(Ok(0), |text| time_at(text, "history"))?,
        traffic: written.traffic.unwrap_or(10.0),
        background: written.background,
        noise: written.noise,
        unborn: written.unborn,
        phases: written.phases.iter().map(|p| phase(p, slo, gauge)).collect::<Result<_, _>>()?,
        tail: written.tail.as_deref().map_or(Ok(1800), |text| time_at(text, "tail"))?,
        expect: written.expect.iter().map(expect).collect::<Result<_, _>>()?,
        may: written.may.iter().map(|t| tier(t).map(|t| t.unwrap_or_default())).collect::<Result<_, _>>()?,
        beside: written.beside.iter().map(|b| beside(b, slos)).collect::<Result<_, _>>()?,
        values: written.values.iter().map(|v| value(v, slo)).collect::<Result<_, _>>()?,
    };
    let wrong = |key: &str, message: String| Err((key.to_owned(), message));
    if contract.length() == 0 || contract.length() > LONGEST {
        return wrong(
            "phases",
            format!("{} seconds in all; from one minute to {LONGEST}", contract.length()),
        );
    }
    if !(0.0..=1.0).contains(&contract.background) {
        return wrong("background", "expected a share from 0 to 1".into());
    }
    if !(contract.traffic > 0.0 && contract.traffic <= 1e6) {
        return wrong("traffic", "expected events a second, above 0 and at most a million".into());
    }
    if let Some(late) = contract.values.iter().find(|value| value.at > contract.length()) {
        return wrong("values", format!("{} is asked after the end", late.expr));
    }
    Ok(contract)
}

fn phase(written: &WrittenPhase, slo: &Slo, gauge: bool) -> Result<Phase, Mistake> {
    let wrong = |message: &str| Err(("phases".to_owned(), message.to_owned()));
    let errors = match (written.errors, written.burn) {
        (Some(_), Some(_)) => return wrong("give either errors or burn"),
        (Some(share), None) => share,
        (None, burn) => burn.unwrap_or(0.0) * slo.budget(),
    };
    if !(0.0..=1.0).contains(&errors) {
        return wrong("expected errors from 0 to 1, which for burn means at most 1 / budget");
    }
    if written.gauge.is_some() && !gauge {
        return wrong("gauge is for objectives of a gauge");
    }
    if written.failures.is_some_and(|n| n.is_nan() || n < 0.0)
        || written.traffic.is_some_and(|n| n.is_nan() || n < 0.0)
    {
        return wrong("failures and traffic are at least 0");
    }
    Ok(Phase {
        seconds: time_at(&written.length, "phases.for")?,
        errors,
        failures: written.failures,
        traffic: written.traffic,
        gauge: written.gauge,
        absent: written.absent,
        restart: written.restart,
        healthy: written.healthy,
    })
}

fn expect(written: &WrittenExpect) -> Result<Expect, Mistake> {
    let bound = |at: &Option<String>, within: &Option<String>, key: &str| match (at, within) {
        (Some(_), Some(_)) => Err(("expect".to_owned(), format!("give either {key} or {key}_within"))),
        (Some(at), None) => time_at(at, key).map(Bound::At),
        (None, Some(within)) => time_at(within, key).map(Bound::Within),
        (None, None) => Ok(Bound::Sometime),
    };
    let clears = bound(&written.clears, &written.clears_within, "clears")?;
    if written.lasts && clears != Bound::Sometime {
        return Err(("expect".to_owned(), "what lasts does not clear; leave one of them".to_owned()));
    }
    Ok(Expect {
        tier: tier(&written.tier)?,
        fires: bound(&written.fires, &written.fires_within, "fires")?,
        clears: if written.lasts { Bound::Never } else { clears },
        repeats: written.repeats,
        receiver: written.receiver.clone(),
        inhibits: tiers(&written.inhibits)?,
    })
}

fn beside(written: &WrittenBeside, slos: &[Slo]) -> Result<Beside, Mistake> {
    let slo = slos.iter().find(|slo| slo.name == written.slo);
    let slo = slo.ok_or_else(|| ("beside".to_owned(), format!("there is no objective {}", written.slo)))?;
    Ok(Beside { slo: slo.clone(), inhibits: tiers(&written.inhibits)? })
}

fn tiers(names: &[String]) -> Result<Vec<Option<String>>, Mistake> {
    names.iter().map(|name| tier(name)).collect()
}

/// The name of a tier; none for silence.
fn tier(name: &str) -> Result<Option<String>, Mistake> {
    if name == "silence" {
        return Ok(None);
    }
    let known: Vec<&str> = TIERS.iter().map(|tier| tier.name).chain(["silence"]).collect();
    match known.contains(&name) {
        true => Ok(Some(name.to_owned())),
        false => Err(("tier".to_owned(), format!("{name:?} is not known; known are {}", known.join(", ")))),
    }
}

fn value(written: &WrittenValue, slo: &Slo) -> Result<Value, Mistake> {
    let expr = written.expr.replace("$slo", &slo.name);
    match promql_parser::parser::parse(&expr) {
        Ok(_) => Ok(Value { expr, at: time_at(&written.at, "values.at")?, is: written.is }),
        Err(error) => Err(("values".to_owned(), format!("{expr}: not PromQL: {error}"))),
    }
}

/// Whole minutes in seconds, written as `3d`, `6h`, `90m`, or several of them: `1d12h`.
pub fn time(text: &str) -> Result<u32, String> {
    let mut seconds: u64 = 0;
    let mut number = String::new();
    let mut good = !text.is_empty();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' if number.len() < 6 => {
                number.push(c);
                continue;
            }
            'd' => 86_400,
            'h' => 3600,
            'm' => 60,
            _ => 0,
        };
        match number.parse::<u64>() {
            Ok(n) if unit > 0 => seconds += n * unit,
            _ => good = false,
        }
        number.clear();
    }
    let read = u32::try_from(seconds).ok().filter(|s| s.is_multiple_of(INTERVAL));
    match read {
        Some(seconds) if good && number.is_empty() => Ok(seconds),
        _ => Err(format!("{text:?}: expected whole minutes, such as 90m, 6h or 3d")),
    }
}

/// The same, where a mistake names its key.
fn time_at(text: &str, key: &str) -> Result<u32, Mistake> {
    time(text).map_err(|message| (key.to_owned(), message))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn slos() -> Vec<Slo> {
        crate::files::specs(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).expect("good specs")
    }

    const GOOD: &str = "slos = [\"order-placement-availability\"]\n\n[[contract]]\nname = \"n\"\nhistory = \"1d12h\"\nphases = [{ for = \"10m\", burn = 20 }]\nexpect = [{ tier = \"page-1h\", fires = \"5m\" }]\n";

    #[test]
    fn a_contract_is_read_for_each_objective_that_it_names() {
        let slos = slos();
        let read_one = read("a.toml", GOOD, &slos).expect("good");
        assert_eq!(read_one.len(), 1);
        let contract = &read_one[0];
        assert_eq!((contract.history, contract.line, contract.length()), (129_600, 4, 129_600 + 600 + 1800));
        assert!((contract.phases[0].errors - 0.02).abs() < 1e-12);
        assert_eq!(contract.trouble(), (129_600, 130_200));
        let all = read(
            "a.toml",
            &GOOD
                .replace("order-placement-availability", "all of events")
                .replace("burn = 20", "errors = 0.5"),
            &slos,
        );
        assert!(all.expect("good").len() > 20);
    }

    #[test]
    fn each_mistake_is_one_error_with_file_line_and_key() {
        for (from, to, place, word) in [
            ("order-placement-availability", "nothing", "a.toml:1: slos: ", "no objective nothing"),
            ("10m", "10s", "a.toml:4: contract \"n\": phases.for: ", "whole minutes"),
            ("burn = 20", "burn = 2000", "a.toml:4: ", "at most"),
            ("burn = 20", "burn = 20, errors = 1", "a.toml:4: ", "either"),
            ("burn = 20", "gauge = 20", "a.toml:4: ", "gauge"),
            ("page-1h", "page-2h", "a.toml:4: contract \"n\": tier: ", "known are"),
            ("fires = \"5m\"", "inhibits = [\"page-2h\"]", "a.toml:4: contract \"n\": tier: ", "known are"),
            (
                "expect = ",
                "beside = [{ slo = \"x\", inhibits = [] }]\nexpect = ",
                "a.toml:4: ",
                "no objective x",
            ),
            ("history", "histroy", "a.toml:5: ", "unknown field"),
            (
                "fires = \"5m\"",
                "fires = \"5m\", clears = \"1m\", lasts = true",
                "a.toml:4: ",
                "does not clear",
            ),
        ] {
            let text = GOOD.replacen(from, to, 1);
            let error = read("a.toml", &text, &slos()).expect_err(to).to_string();
            assert!(error.starts_with(place) && error.contains(word), "{to:?}: {error}");
        }
    }
}
