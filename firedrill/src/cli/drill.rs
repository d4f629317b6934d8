//! The words of `firedrill drill`.

use std::path::PathBuf;

use causes::Cause;
use clap::{Args, Subcommand};

/// What is done with drills.
#[derive(Clone, Debug, Subcommand)]
pub enum Drill {
    /// List the drills, in an order that says nothing
    List(DrillList),
    /// Begin a drill: a brief now, a page when there is something to look for
    Start(DrillStart),
    /// Tell how the drill stands, and the page again
    Status,
    /// Take the next hint, which costs points
    Hint(DrillBy),
    /// Write something on the common timeline
    Note(DrillNote),
    /// Answer: which service, which operation, why, and what shows it
    Answer(DrillAnswer),
    /// End the drill without an answer
    Stop,
    /// Tell afterwards what was true, how it could have been seen, and what you did
    Report(DrillReport),
    /// Let the investigator do a whole drill, from telemetry alone
    Run(DrillRun),
    /// Let the investigator do drills, once per seed, and count what came about, who found it and what helped
    Verify(DrillVerify),
    /// Let programs do drills over HTTP
    Serve(DrillServe),
    /// Let a program do drills, once per seed, and tell what its answers are worth
    Bench(DrillBench),
    /// Keep the drill that was begun
    #[command(hide = true)]
    Keep,
}

/// Options of `drill list`.
#[derive(Clone, Debug, Args)]
pub struct DrillList {
    /// Decides the order
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Which drill, and how it goes.
#[derive(Clone, Debug, Args)]
pub struct DrillWhich {
    /// The drill's id, see `drill list` [default: the seed draws one]
    pub id: Option<String>,
    /// Decides when it begins, how bad it is and whom it hits [default: nobody knows]
    #[arg(long)]
    pub seed: Option<u64>,
}

/// Options of `drill start`.
#[derive(Clone, Debug, Args)]
pub struct DrillStart {
    /// Which drill.
    #[command(flatten)]
    pub which: DrillWhich,
    /// It ends by itself after so many minutes
    #[arg(long, default_value_t = 20, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(2..=120))]
    pub minutes: u32,
    /// Divide the times before the page by this, from 1 to 8
    #[arg(long, default_value_t = 1.0, value_name = "K", value_parser = speed)]
    pub speed: f64,
    /// Who takes part; may be given more than once
    #[arg(long = "with", value_name = "NAME", value_parser = name)]
    pub participants: Vec<String>,
    /// Tell what is true, on this terminal alone: for whoever leads the drill
    #[arg(long)]
    pub facilitator: bool,
    /// Do not wait for the page; `drill status` tells it
    #[arg(long)]
    pub no_wait: bool,
    /// Be led through an easy one step by step, with real queries: the first five minutes
    #[arg(long, conflicts_with_all = ["id", "speed", "no_wait", "participants", "facilitator"])]
    pub tutorial: bool,
}

/// Who does it.
#[derive(Clone, Debug, Args)]
pub struct DrillBy {
    /// Who you are, where several take part
    #[arg(long = "as", value_name = "NAME", default_value = "you", value_parser = name)]
    pub by: String,
}

/// Options of `drill note`.
#[derive(Clone, Debug, Args)]
pub struct DrillNote {
    /// What to write down
    pub text: String,
    /// Who.
    #[command(flatten)]
    pub by: DrillBy,
}

/// Options of `drill answer`.
#[derive(Clone, Debug, Args)]
pub struct DrillAnswer {
    /// The service at which the cause lies; none if nothing is wrong
    #[arg(long)]
    pub service: Option<String>,
    /// The operation, such as 'POST /orders'; none if the whole service is concerned
    #[arg(long)]
    pub operation: Option<String>,
    /// Why, in one of the words of `drill answer --causes`
    #[arg(long, required_unless_present = "causes")]
    pub cause: Option<Cause>,
    /// A trace id or a correlation id that shows it
    #[arg(long, value_name = "ID")]
    pub evidence: Option<String>,
    /// List the causes that can be answered, and end
    #[arg(long)]
    pub causes: bool,
    /// Who.
    #[command(flatten)]
    pub by: DrillBy,
}

/// Options of `drill report`.
#[derive(Clone, Debug, Args)]
pub struct DrillReport {
    /// Write it as markdown, with a postmortem to fill in
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Write it as one HTML file, with charts
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Options of `drill run`.
#[derive(Clone, Debug, Args)]
pub struct DrillRun {
    /// Which drill.
    #[command(flatten)]
    pub which: DrillWhich,
    /// The investigator answers
    #[arg(long, required = true)]
    pub auto: bool,
    /// Divide the times before the page by this, from 1 to 8
    #[arg(long, default_value_t = 6.0, value_name = "K", value_parser = speed)]
    pub speed: f64,
}

/// Options of `drill verify`.
#[derive(Clone, Debug, Args)]
pub struct DrillVerify {
    /// The drills
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub ids: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// The seeds
    #[arg(long, value_delimiter = ',', default_value = "1", value_name = "SEED,…")]
    pub seeds: Vec<u64>,
    /// Divide the times before the page by this, from 1 to 8
    #[arg(long, default_value_t = 6.0, value_name = "K", value_parser = speed)]
    pub speed: f64,
    /// Carry out what should not help before what does, and see that it does not
    #[arg(long)]
    pub wrong_first: bool,
}

/// Options of `drill serve`.
#[derive(Clone, Debug, Args)]
pub struct DrillServe {
    /// The port of loopback; 0 for any
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}

/// Options of `drill bench`.
#[derive(Clone, Debug, Args)]
pub struct DrillBench {
    /// The drills
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub ids: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// What plays: run by `sh -c` when the page is there, with FIREDRILL_PLAYER_URL, FIREDRILL_PLAYER_TOKEN, PROMETHEUS_URL,
    /// LOKI_URL and JAEGER_URL
    #[arg(long, value_name = "COMMAND")]
    pub player: String,
    /// The seeds
    #[arg(long, value_delimiter = ',', default_value = "1", value_name = "SEED,…")]
    pub seeds: Vec<u64>,
    /// Divide the times before the page by this, from 1 to 8
    #[arg(long, default_value_t = 6.0, value_name = "K", value_parser = speed)]
    pub speed: f64,
    /// A drill ends by itself after so many minutes
    #[arg(long, default_value_t = 8, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(2..=120))]
    pub minutes: u32,
}

/// What a drill may be asked to be like, by whoever does not come through the command line.
pub fn drill_bounds(minutes: u32, speed: f64) -> Result<(), String> {
    if !(2..=120).contains(&minutes) {
        return Err("minutes: expected 2 to 120".into());
    }
    is_speed(speed).then_some(()).ok_or_else(|| "speed: expected a number from 1 to 8".into())
}

fn is_speed(speed: f64) -> bool {
    (1.0..=8.0).contains(&speed)
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| is_speed(*speed));
    speed.ok_or_else(|| "expected a number from 1 to 8".into())
}

/// A name that fits on a line.
fn name(text: &str) -> Result<String, String> {
    let fits = (1..=40).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| "expected a name of up to 40 characters".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_and_names_have_bounds() {
        assert_eq!(speed("6"), Ok(6.0));
        for wrong in ["0", "9", "-1", "NaN", "fast"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
        assert_eq!(name("Ann"), Ok("Ann".to_owned()));
        for wrong in ["", "a\nb", &"x".repeat(41)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }
}
