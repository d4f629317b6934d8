//! `firedrill slo simulate`: which alert fires when, if this happened.

use slo::{
    contract::{Contract, relative},
    simulate::{Alert, Incident, Simulation, simulate},
    spec::Slo,
};

use super::{super::output, named};
use crate::{
    cli::SloSimulate,
    failure::{Code, Failure, Outcome},
};

/// Computes and prints; without an objective, lists those that there are.
pub(super) fn run(options: &SloSimulate, json: bool) -> Outcome {
    let slos = slo::files::specs(options.dir.as_deref())?;
    let Some(name) = &options.spec else {
        list(&slos, json);
        return Ok(Code::Good);
    };
    let slo = named(&slos, name)?;
    let incident = incident(options, slo)?;
    let contract = incident.contract().map_err(|e| Failure::arguments(e.to_string()))?;
    let simulation = simulate(&contract);
    if json {
        output::json(&as_json(&contract, &simulation));
    } else {
        output::print(&told(&incident, &contract, &simulation));
    }
    Ok(Code::Good)
}

fn incident(options: &SloSimulate, slo: &Slo) -> Result<Incident, Failure> {
    let incident = match (options.errors.as_slice(), options.latency.as_slice()) {
        ([], []) if options.traffic_during.is_some() => {
            let none = [slo::simulate::Part { share: 0.0, seconds: None }];
            Incident::of(slo, &none, options.lasts)
        }
        ([], []) => {
            return Err(Failure::arguments(format!(
                "say what happens to {}, such as --errors 5% --for 1h",
                slo.name
            )));
        }
        (errors, []) => Incident::of(slo, errors, options.lasts),
        (_, slow) => {
            Incident::of_slowness(slo, slow, options.lasts).map_err(|e| Failure::arguments(e.to_string()))?
        }
    };
    Ok(Incident {
        history: options.history,
        traffic: options.traffic,
        traffic_during: options.traffic_during,
        background: options.background,
        ..incident
    })
}

fn list(slos: &[Slo], json: bool) {
    if json {
        let listed = slos.iter().map(
            |slo| serde_json::json!({"name": slo.name, "title": slo.title, "target": slo.target, "days": slo.days}),
        );
        return output::json(&serde_json::json!({"objectives": listed.collect::<Vec<_>>()}));
    }
    let width = slos.iter().map(|slo| slo.name.len()).max().unwrap_or(0) + 2;
    let line =
        |slo: &Slo| format!("{:<width$}{:>8} in {} days  {}", slo.name, slo.percent(), slo.days, slo.title);
    output::print(&slos.iter().map(line).collect::<Vec<_>>().join("\n"));
}

/// Seconds from the start of the trouble on to the first evaluation, and from its end on to the one where it is over.
fn as_json(contract: &Contract, simulation: &Simulation) -> serde_json::Value {
    let (start, end) = contract.trouble();
    let since = |moment: u32, since: u32| i64::from(moment) - i64::from(since);
    let fired = |alert: &Alert| match alert.fired {
        Some(fired) => serde_json::json!({
            "fires_s": since(fired.first, start),
            "clears_s": fired.over.map(|over| since(over, end)),
            "times": fired.times,
            "budget_spent": fired.budget_spent,
        }),
        None => serde_json::json!({"fires_s": null, "clears_s": null, "times": 0, "budget_spent": null}),
    };
    let tiers = simulation.alerts.iter().filter_map(|alert| {
        let tier = alert.tier?;
        let mut told = fired(alert);
        told["tier"] = tier.name.into();
        told["severity"] = tier.severity.word().into();
        Some(told)
    });
    serde_json::json!({
        "objective": contract.slo.name,
        "tiers": tiers.collect::<Vec<_>>(),
        "silence": simulation.alerts.iter().find(|alert| alert.tier.is_none()).map(fired),
        "budget_spent": simulation.budget_spent,
    })
}

fn told(incident: &Incident, contract: &Contract, simulation: &Simulation) -> String {
    let slo = &contract.slo;
    let (start, end) = contract.trouble();
    let happens = |(share, seconds): &(f64, u32)| format!("{} for {}", percent(*share), length(*seconds));
    let mut lines = vec![
        format!("{}: {}: {} in {} days", slo.name, slo.title, slo.percent(), slo.days),
        format!("bad: {}", incident.phases.iter().map(happens).collect::<Vec<_>>().join(", then ")),
        String::new(),
        format!(
            "{:<11}{:<10}{:>6}{:>14}{:>14}{:>16}",
            "alert", "for", "burns", "fires after", "over after", "budget spent"
        ),
    ];
    for alert in &simulation.alerts {
        let (name, severity, burn) = match alert.tier {
            Some(tier) => (tier.name, tier.severity.word(), format!("{}x", tier.burn)),
            None => ("silence", slo.silence.map_or("", slo::spec::Severity::word), String::new()),
        };
        let when = match alert.fired {
            Some(fired) => format!(
                "{:>14}{:>14}{:>16}{}",
                relative(fired.first, start),
                fired.over.map_or_else(|| "never".into(), |over| relative(over, end)),
                percent(fired.budget_spent),
                if fired.times > 1 { format!("  {} times", fired.times) } else { String::new() }
            ),
            None => format!("{:>14}", "-"),
        };
        lines.push(format!("{name:<11}{severity:<10}{burn:>6}{when}"));
    }
    let left = 1.0 - simulation.budget_spent;
    lines.push(String::new());
    lines.push(format!(
        "{} of the budget of {} days is gone{}",
        percent(simulation.budget_spent),
        slo.days,
        if left < 0.0 { ": the objective is missed" } else { "" }
    ));
    lines.join("\n")
}

/// As a person would type it: `1h30m`, `30d`.
fn length(seconds: u32) -> String {
    let units = [("d", seconds / 86_400), ("h", seconds / 3600 % 24), ("m", seconds / 60 % 60)];
    units.into_iter().filter(|(_, count)| *count > 0).map(|(unit, count)| format!("{count}{unit}")).collect()
}

/// Two digits behind the point, and four of what is very little.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = if percent.abs() < 0.1 { 1e4 } else { 1e2 };
    format!("{}%", (percent * digits).round() / digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_as_they_are_typed() {
        assert_eq!([60, 5400, 30 * 86_400, 90_000].map(length), ["1m", "1h30m", "30d", "1d1h"]);
    }

    #[test]
    fn shares_are_told_with_the_digits_that_matter() {
        let told = [1.0, 0.0694, 0.02, 0.00001, 0.0, 1.2345, 0.9995].map(percent);
        assert_eq!(told, ["100%", "6.94%", "2%", "0.001%", "0%", "123.45%", "99.95%"]);
    }
}
