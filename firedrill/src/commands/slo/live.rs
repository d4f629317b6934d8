//! `firedrill slo live`: do the alerts keep their word on the running stack.

use serde_json::{Value, json};
use slo::live::{Case, Seen};

use super::super::{output, signal};
use crate::{
    cli::SloLive,
    failure::{Code, Failure, Outcome},
    home::Home,
    live::{self, Done, Live},
    objectives::routes::Routes,
    run_file::RunFile,
};

/// Works through the cases and tells what came of each.
pub(super) async fn run(home: &Home, options: &SloLive, json: bool) -> Outcome {
    let slos = slo::files::specs(options.dir.as_deref())?;
    let mut cases = slo::files::live(options.dir.as_deref(), &slos)?;
    if let Some(text) = &options.only {
        cases.retain(|case| case.name.contains(text) || case.fault.told().contains(text));
    }
    let routing = Routes::open()?;
    let run = RunFile::find(home)?;
    run.url("loadgen").map_err(|_| {
        Failure::environment(
            "the running stack sends no traffic, so nobody can fail; start it without --no-load",
        )
    })?;
    let _alone = home.alone("slo-live")?;
    let (cases, left_out): (Vec<Case>, Vec<Case>) =
        cases.into_iter().partition(|case| live::can(&case.fault, &run).is_ok());
    for case in &left_out {
        let why = live::can(&case.fault, &run).err().unwrap_or_default();
        say(&format!("Left out: {}: {why}", case.name), json);
    }
    if cases.is_empty() {
        return Err(Failure::arguments("no case is left; leave out --only or name something else"));
    }
    let mut stop = signal::StopAsked::listen()?;
    say(&format!("The rules of the stack run at speed {} until this ends.", options.speed), json);
    let live = Live::begin(home, options.speed).await?;
    let mut done = Vec::new();
    let worked = tokio::select! {
        worked = work(&live, &cases, &routing, &mut done, json) => worked,
        () = stop.asked() => Err(Failure::not_good("asked to stop; what was done to the stack is undone")),
    };
    live.end().await?;
    worked?;
    let report = Report { speed: options.speed.times(), stack: run.stack, done, left_out };
    if json {
        output::json(&report.json());
    } else {
        output::print(&report.matrix());
    }
    Ok(if report.good() { Code::Good } else { Code::NotGood })
}

async fn work(
    live: &Live,
    cases: &[Case],
    routing: &Routes,
    done: &mut Vec<(Case, Done)>,
    json: bool,
) -> Result<(), Failure> {
    for case in cases {
        say(&format!("{}: {}", case.name, case.fault.told()), json);
        let came = live.case(case, routing).await?;
        for line in &came.scored.broken {
            say(&format!("  ! {line}"), json);
        }
        for alert in &came.scored.false_alerts {
            say(&format!("  ! {alert} fires and must not"), json);
        }
        done.push((case.clone(), came));
    }
    Ok(())
}

/// What happens meanwhile, for a person: the one object of --json has standard output for itself.
fn say(line: &str, json: bool) {
    if !json {
        output::print(line);
    }
}

/// What came of all cases.
struct Report {
    speed: u32,
    stack: String,
    done: Vec<(Case, Done)>,
    left_out: Vec<Case>,
}

impl Report {
    fn as_expected(&self) -> usize {
        self.done.iter().filter(|(_, done)| done.scored.fired_as_expected()).count()
    }

    fn false_alerts(&self) -> usize {
        self.done.iter().map(|(_, done)| done.scored.false_alerts.len()).sum()
    }

    fn good(&self) -> bool {
        self.as_expected() == self.done.len() && self.false_alerts() == 0
    }

    fn json(&self) -> Value {
        let rows = self.done.iter().map(|(case, done)| {
            json!({
                "case": case.name,
                "done": case.fault.told(),
                "seconds": f64::from(case.seconds) / f64::from(self.speed),
                "fired_as_expected": done.scored.fired_as_expected(),
                "broken": done.scored.broken,
                "false_alerts": done.scored.false_alerts,
                "alerts": done.seen.iter().map(alert).collect::<Vec<_>>(),
            })
        });
        json!({
            "stack": self.stack,
            "speed": self.speed,
            "cases": self.done.len(),
            "fired_as_expected": self.as_expected(),
            "false_alerts": self.false_alerts(),
            "left_out": self.left_out.iter().map(|case| &case.name).collect::<Vec<_>>(),
            "matrix": rows.collect::<Vec<_>>(),
        })
    }

    /// Each case with its alerts, the first to fire first.
    fn matrix(&self) -> String {
        let mut lines = Vec::new();
        for (case, done) in &self.done {
            let good = done.scored.fired_as_expected() && done.scored.false_alerts.is_empty();
            lines.push(format!("{} {}", if good { ' ' } else { '!' }, case.name));
            let mut seen: Vec<&Seen> = done.seen.iter().collect();
            seen.sort_by(|a, b| a.fires.total_cmp(&b.fires));
            lines.extend(seen.into_iter().map(told));
            if done.seen.is_empty() {
                lines.push("      no alert".into());
            }
        }
        lines.push(format!(
            "{} cases at speed {} on the {} stack: {} fired as expected, {} false alerts",
            self.done.len(),
            self.speed,
            self.stack,
            self.as_expected(),
            self.false_alerts()
        ));
        lines.join("\n")
    }
}

/// One decimal is all that a look four times a second knows.
fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

fn alert(seen: &Seen) -> Value {
    let told: serde_json::Map<String, Value> =
        seen.told.iter().map(|(receiver, after)| (receiver.clone(), json!(tenths(*after)))).collect();
    json!({
        "labels": seen.labels,
        "fires_s": tenths(seen.fires),
        "over_s": seen.over.map(tenths),
        "told_s": told,
        "held_back": seen.held_back,
    })
}

fn told(seen: &Seen) -> String {
    let over = seen.over.map_or_else(|| "not over".into(), |over| format!("over at {over:.1} s"));
    let mut reached: Vec<String> =
        seen.told.iter().map(|(receiver, after)| format!("{receiver} at {after:.1} s")).collect();
    if seen.held_back {
        reached.push("held back".into());
    }
    if reached.is_empty() {
        reached.push("told nobody".into());
    }
    format!("      {:<52} at {:5.1} s, {over}; {}", seen.told_apart(), seen.fires, reached.join(", "))
}
