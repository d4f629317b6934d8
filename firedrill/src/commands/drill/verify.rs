//! `firedrill drill verify`: drills are what they say. Each is done by the investigator, once per seed, and it is counted what
//! came about, who found it, and what helped.

use causes::Cause;
use drills::scenario;
use serde_json::{Value, json};

use super::{output, run::object};
use crate::{
    cli::DrillVerify,
    drill::auto::{self, Done, Remedies},
    failure::{Code, Failure, Outcome},
    home::Home,
};

/// Verifies; good when all that counts came about, was found and helped.
pub(super) async fn run(home: &Home, options: &DrillVerify, json: bool) -> Outcome {
    let chosen = match options.all {
        true => scenario::ids().into_iter().map(str::to_owned).collect(),
        false => options.ids.clone(),
    };
    for id in &chosen {
        scenario::find(id).map_err(Failure::arguments)?;
    }
    let remedies = if options.wrong_first { Remedies::WrongFirst } else { Remedies::Right };
    let (mut count, mut results) = (Count::default(), Vec::new());
    for id in &chosen {
        for seed in &options.seeds {
            let done = auto::run(home, Some(id), Some(*seed), options.speed, remedies).await?;
            count.add(&done);
            if !json {
                output::print(&line(&done));
            }
            results.push(object(&done));
        }
    }
    let good = count.is_good();
    match json {
        true => {
            let mut object = count.object();
            object["results"] = results.into();
            output::json(&object);
        }
        false => output::print(&count.object().to_string()),
    }
    Ok(if good { Code::Good } else { Code::NotGood })
}

/// What is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Count {
    runs: usize,
    void: usize,
    dose_proven: usize,
    effect_proven: usize,
    alert_fired: usize,
    investigator_right: usize,
    baseline_right: usize,
    mitigated: usize,
    /// What should not help and was tried.
    wrong_tried: usize,
    /// What of it helped.
    wrong_helped: usize,
    /// Runs in which there was something to mitigate.
    to_mitigate: usize,
    control_alerts: usize,
}

impl Count {
    fn add(&mut self, done: &Done) {
        self.runs += 1;
        let (session, scenario) = (&done.session, &done.scenario);
        let Some(answered) = &done.answered else {
            self.void += 1;
            return;
        };
        let control = scenario.cause == Cause::Nothing;
        self.dose_proven += usize::from(session.proven.is_some());
        self.effect_proven += usize::from(done.measured["effect_proven"] == true);
        self.alert_fired +=
            usize::from(scenario.alerts.expected.iter().all(|name| session.alerts.contains(name)));
        self.investigator_right += usize::from(answered.grade.correct.is_whole());
        self.baseline_right += usize::from(!answered.simple.is_empty());
        self.wrong_tried += answered.wrong.len();
        self.wrong_helped += answered.wrong.iter().filter(|(_, helped)| *helped).count();
        self.to_mitigate += usize::from(!control);
        self.mitigated += usize::from(!control && session.recovered_ms.is_some());
        self.control_alerts += if control { session.alerts.len() } else { 0 };
    }

    fn is_good(&self) -> bool {
        let counted = self.runs - self.void;
        let all = [self.dose_proven, self.effect_proven, self.investigator_right];
        counted > 0
            && all.iter().all(|proven| *proven == counted)
            && self.mitigated == self.to_mitigate
            && self.wrong_helped == 0
            && self.control_alerts == 0
    }

    fn object(&self) -> Value {
        json!({
            "runs": self.runs,
            "void": self.void,
            "dose_proven": self.dose_proven,
            "effect_proven": self.effect_proven,
            "alert_fired": self.alert_fired,
            "investigator_right": self.investigator_right,
            "baseline_right": self.baseline_right,
            "mitigated": self.mitigated,
            "wrong_tried": self.wrong_tried,
            "wrong_helped": self.wrong_helped,
            "to_mitigate": self.to_mitigate,
            "control_alerts": self.control_alerts,
        })
    }
}

/// One run for people.
fn line(done: &Done) -> String {
    let word = |good: bool| if good { "yes" } else { "NO" };
    let told = match &done.answered {
        Some(answered) => format!(
            "right {}   evidence {}   simple ways {}",
            word(answered.grade.correct.is_whole()),
            word(answered.grade.correct.evidence),
            answered.simple.len()
        ),
        None => "void".to_owned(),
    };
    format!(
        "{:<12}seed {:<8}effect {}   {told}   well again {}",
        done.scenario.id,
        done.session.seed,
        word(done.measured["effect_proven"] == true),
        word(done.session.recovered_ms.is_some()),
    )
}
