//! A contract says what an alert is for: this happens to the service, so this tier fires by then, is over by then, and
//! nothing else fires.
//!
//! [`read`] reads the files, [`Contract::case`] makes of one what an engine needs, [`score`] compares what the engine saw
//! with what was promised, and [`routed`] whom its alerts reach. Who evaluates the rules is [`crate::engine`]'s business.

mod input;
mod noise;
mod read;
mod routed;
mod run;
mod samples;
mod score;
mod selector;

pub use read::{read, time};
pub use routed::{Routing, routed};
pub(crate) use run::each;
pub use run::run;
pub use samples::{Series, Stretch};
pub use score::{Verdict, labels, relative, score};
pub(crate) use selector::Selector;

use crate::{
    engine::Case,
    generate::{INTERVAL, Speed, group},
    rules::{Group, Kind},
    spec::Slo,
};

/// What is promised for one objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// The file that it stands in.
    pub file: String,
    /// The line where it stands.
    pub line: usize,
    /// It covers so many days that whoever is in a hurry leaves it out.
    pub slow: bool,
    /// What happens and what comes of it, in a sentence.
    pub name: String,
    /// Why it is right so, where that was a choice.
    pub decision: String,
    /// Whose rules.
    pub slo: Slo,
    /// Seconds of health before anything happens.
    pub history: u32,
    /// Events a second while all is well.
    pub traffic: f64,
    /// The bad share while all is well.
    pub background: f64,
    /// Events come as people do, and not by the clock: the seed that they are drawn with.
    pub noise: Option<u64>,
    /// Counters of bad events do not exist before the first.
    pub unborn: bool,
    /// What happens, one after the other.
    pub phases: Vec<Phase>,
    /// Seconds of health afterwards.
    pub tail: u32,
    /// What must fire. What stands in neither of the two lists must not.
    pub expect: Vec<Expect>,
    /// Tiers that may fire: the contract is not about them.
    pub may: Vec<String>,
    /// Pages of other objectives that fire all the while: what of this one's is then no news.
    pub beside: Vec<Beside>,
    /// What expressions must give.
    pub values: Vec<Value>,
}

/// A while in which something is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// How long, in seconds.
    pub seconds: u32,
    /// The bad share; of a gauge, the share of the minutes.
    pub errors: f64,
    /// So many bad events in all, instead of a share.
    pub failures: Option<f64>,
    /// Events a second, where that changes.
    pub traffic: Option<f64>,
    /// The value of the gauge, where "good" and "bad" do not say enough.
    pub gauge: Option<f64>,
    /// Nothing is scraped.
    pub absent: bool,
    /// The process starts anew: its counters begin at zero.
    pub restart: bool,
    /// Nothing is wrong in this while: it lies between others.
    pub healthy: bool,
}

/// An alert that must fire.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// The tier; none for the alert about silence.
    pub tier: Option<String>,
    /// When, after the start of the first phase that is not healthy.
    pub fires: Bound,
    /// When it is over, after the end of the last such phase.
    pub clears: Bound,
    /// It may begin more than once: the share saws along the threshold.
    pub repeats: bool,
    /// Who is told of it, and nobody else; none where the contract is not about that.
    pub receiver: Option<String>,
    /// The tiers that it holds back while both fire; `None` is the alert about silence.
    pub inhibits: Vec<Option<String>>,
}

/// A page of another objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// Of which.
    pub slo: Slo,
    /// The tiers of this contract's objective that it holds back; `None` is the alert about silence.
    pub inhibits: Vec<Option<String>>,
}

/// When, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Then, give or take one evaluation.
    At(u32),
    /// By then.
    Within(u32),
    /// Whenever.
    Sometime,
    /// Not before the end of the contract.
    Never,
}

/// What an expression must give.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// PromQL with one result.
    pub expr: String,
    /// Seconds after the start of the contract.
    pub at: u32,
    /// The value; none where there must be no result.
    pub is: Option<f64>,
}

impl Contract {
    /// The rules that it is about.
    pub fn rules(&self) -> Group {
        group(&self.slo, Speed::REAL)
    }

    /// What an engine evaluates: these rules, or others in their place.
    pub fn case(&self, rules: Group) -> Case {
        let questions = self.values.iter().map(|value| (value.expr.clone(), value.at)).collect();
        let mut series = self.series();
        series.extend(self.recorded_of_others());
        Case { groups: vec![rules], step: INTERVAL, length: self.length(), series, questions }
    }

    /// What services expose meanwhile.
    pub(crate) fn series(&self) -> Vec<Series> {
        input::series(self)
    }

    /// What the rules of another objective record, for which all goes wrong: whoever asks for a name alone gets it too.
    fn recorded_of_others(&self) -> impl Iterator<Item = Series> {
        let count = self.length() / INTERVAL + 1;
        self.rules().rules.into_iter().filter_map(move |rule| match rule.kind {
            Kind::Record(name) => Some(Series {
                name: format!("{name}{{slo=\"other\",service=\"other\"}}"),
                stretches: vec![Stretch::Ramp { first: 0.9, by: 0.0, count }],
            }),
            Kind::Alert { .. } => None,
        })
    }

    /// Seconds from the first sample to the last.
    pub fn length(&self) -> u32 {
        self.history + self.phases.iter().map(|phase| phase.seconds).sum::<u32>() + self.tail
    }

    /// From when to when something is wrong.
    pub fn trouble(&self) -> (u32, u32) {
        let (mut at, mut from, mut to) = (self.history, None, self.history);
        for phase in &self.phases {
            if !phase.healthy {
                from.get_or_insert(at);
                to = at + phase.seconds;
            }
            at += phase.seconds;
        }
        (from.unwrap_or(self.history), to)
    }
}
