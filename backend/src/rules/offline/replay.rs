//! Lets rules run over virtual time.
//!
//! Where no rule asks for what it or a later one makes, each is evaluated over the whole time before the next one: a query
//! over many steps reads each sample once, where one at every step reads it again and again. Otherwise all are evaluated
//! at each step, in their order.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::answer::{self, Answer};
use super::observer::{Observer, pairs, state};
use super::{Alert, Failure, Rules, Series, Setup, Step, Stretch};
use crate::labels::Labels;
use crate::promql::{self, Grid, LOOKBACK_MS, Options, Query, Source};
use crate::rules::alert::{Active, Data, Externals, annotations_of};
use crate::rules::definition::{Group, Rule};
use crate::rules::evaluate::{Output, Scene, State, ask, evaluate};
use crate::rules::memory::Memory;
use crate::rules::order::is_column_by_column;
use crate::store::samples::Sample;

/// Most steps that are evaluated at once: as many as a range query may have.
const MOST_STEPS: usize = 11_000;
/// Most values that one query may hold: a gigabyte.
const MOST_VALUES: usize = 128 << 20;
/// Longest that one query may take.
const LONGEST: Duration = Duration::from_secs(600);

/// What came of a run.
#[derive(Debug)]
pub struct Replay {
    memory: Memory,
    stretches: Vec<Stretch>,
    at_moments: HashMap<i64, Vec<Alert>>,
    failures: Vec<Failure>,
    subquery_step_ms: i64,
}

/// A rule with its place in the order of all, and what it carries.
struct Turn<'r> {
    place: usize,
    group: &'r Group,
    rule: &'r Rule,
    /// The moments of its evaluations.
    grid: Grid,
    state: State,
    observer: Observer,
}

/// What all evaluations share.
struct Run<'r> {
    setup: &'r Setup,
    externals: Externals,
    memory: Memory,
    failures: Vec<Failure>,
}

impl Replay {
    /// Evaluates the rules from the setup's start to its end. What fails is told in [`Replay::failures`].
    #[must_use]
    pub fn run(rules: &Rules, series: Vec<Series>, setup: &Setup) -> Self {
        let mut memory = Memory::default();
        for Series { labels, samples } in series {
            let labels = Labels::new(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let seen = samples.into_iter().filter(|(t, _)| *t <= setup.end_ms);
            memory.merge(&labels, None, seen.map(|(t, v)| Sample { t, v }).collect());
        }
        let external = setup.external_labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let externals = Externals { labels: Labels::new(external), url: setup.external_url.clone() };
        let mut run = Run { setup, externals, memory, failures: Vec::new() };
        let mut turns = turns(rules, setup);
        let all: Vec<&Rule> = turns.iter().map(|turn| turn.rule).collect();
        if is_column_by_column(&all) {
            turns.iter_mut().for_each(|turn| run.column(turn));
        } else {
            run.steps(&mut turns);
        }
        run.end(turns)
    }

    /// What every alert was and when, in the order of the rules; of one alert in the order of time.
    #[must_use]
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// The alerts that were active after the last evaluation until a moment, which must be one of the setup's.
    #[must_use]
    pub fn alerts_at(&self, moment_ms: i64) -> &[Alert] {
        self.at_moments.get(&moment_ms).map(Vec::as_slice).unwrap_or_default()
    }

    /// Evaluations that failed, in the order of time. Where promtool finds one, it ends the test.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Asks a query of what was given and what was recorded, at one moment.
    ///
    /// # Errors
    /// Why there is no answer, in Prometheus' words where it has some.
    pub fn query(&self, expr: &str, at_ms: i64) -> Result<Answer, String> {
        let query = Query::new(expr).map_err(|e| e.to_string())?;
        let options = options(self.subquery_step_ms);
        let found = promql::instant(&self.memory, &query, at_ms, options).map_err(|e| e.to_string())?;
        Ok(answer::of(found.value))
    }
}

fn options(subquery_step_ms: i64) -> Options {
    let deadline = Instant::now() + LONGEST;
    Options { deadline, points: MOST_VALUES, lookback_ms: LOOKBACK_MS, subquery_step_ms }
}

fn turns<'r>(rules: &'r Rules, setup: &Setup) -> Vec<Turn<'r>> {
    let all = rules.groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (&**group, rule)));
    let turn = |(place, (group, rule)): (usize, (&'r Group, &'r Rule))| {
        let step = match setup.step {
            Step::Every(step) => step,
            Step::Own(default) => group.interval_ms.unwrap_or(default),
        };
        let grid = Grid::range(setup.start_ms, setup.end_ms, step.max(1));
        let evaluations = setup.moments.iter().filter_map(|moment| last_until(grid, *moment));
        Turn { place, group, rule, grid, state: State::default(), observer: Observer::new(evaluations) }
    };
    all.enumerate().map(turn).collect()
}

/// The last step until a moment.
fn last_until(grid: Grid, moment: i64) -> Option<i64> {
    let since = moment.checked_sub(grid.start).filter(|ms| *ms >= 0)?;
    let i = usize::try_from(since / grid.step).ok()?.min(grid.len.checked_sub(1)?);
    Some(grid.time(i))
}

impl Run<'_> {
    /// Evaluates a rule at all its steps.
    fn column(&mut self, turn: &mut Turn<'_>) {
        let grid = turn.grid;
        for from in (0..grid.len).step_by(MOST_STEPS) {
            let to = (from + MOST_STEPS).min(grid.len) - 1;
            let part = Grid::range(grid.time(from), grid.time(to), grid.step);
            let output = self.evaluate(turn, part, &self.memory);
            self.take(turn, output);
        }
    }

    /// Evaluates all rules at each step.
    fn steps(&mut self, turns: &mut [Turn<'_>]) {
        let mut next: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (i, turn) in turns.iter().enumerate() {
            for t in turn.grid.times() {
                next.entry(t).or_default().push(i);
            }
        }
        for (t, due) in next {
            for i in due {
                let turn = &mut turns[i];
                let seen = self.memory.until(t, turn.place);
                let output = self.evaluate(turn, Grid::instant(t), &seen);
                self.take(turn, output);
            }
        }
    }

    /// Evaluates a rule at the steps of `grid`, the moments of evaluation.
    fn evaluate(&self, turn: &mut Turn<'_>, grid: Grid, source: &dyn Source) -> Output {
        let offset = turn.group.query_offset_ms;
        let asked = Grid { start: grid.start - offset, end: grid.end - offset, ..grid };
        let options = options(self.setup.subquery_step_ms);
        let scene = Scene { source, options, externals: &self.externals, annotates: false };
        let Turn { group, rule, state, observer, .. } = turn;
        let name = &rule.name;
        evaluate(rule, state, group.limit, (asked, offset), &scene, &mut |t, alerts| {
            observer.look(name, t, alerts);
        })
    }

    fn take(&mut self, turn: &Turn<'_>, output: Output) {
        let (group, rule) = (&turn.group.name, &turn.rule.name);
        let mut fail = |at_ms: i64, what: String| {
            self.failures.push(Failure { group: group.to_string(), rule: rule.to_string(), at_ms, what });
        };
        output.failures.into_iter().for_each(|(t, what)| fail(t, what));
        for (labels, samples) in output.series {
            for t in self.memory.merge(&labels, Some(turn.place), samples) {
                fail(t + turn.group.query_offset_ms, "duplicate sample for timestamp".to_owned());
            }
        }
    }

    fn end(self, turns: Vec<Turn<'_>>) -> Replay {
        let mut stretches = Vec::new();
        let mut at_moments: HashMap<i64, Vec<Alert>> = HashMap::new();
        for Turn { place, rule, grid, mut observer, .. } in turns {
            observer.end(&rule.name);
            let mut own = std::mem::take(&mut observer.stretches);
            own.sort_by(|a, b| (&a.labels, a.from_ms).cmp(&(&b.labels, b.from_ms)));
            stretches.append(&mut own);
            let mut asked = self.setup.moments.clone();
            asked.sort_unstable();
            asked.dedup();
            for moment in asked {
                let seen = last_until(grid, moment).and_then(|t| observer.seen.get(&t));
                let alerts = seen.into_iter().flatten().map(|active| self.alert(place, rule, active));
                at_moments.entry(moment).or_default().extend(alerts);
            }
        }
        let Self { memory, mut failures, setup, .. } = self;
        failures.sort_by_key(|failure| failure.at_ms);
        Replay { memory, stretches, at_moments, failures, subquery_step_ms: setup.subquery_step_ms }
    }

    /// An alert as it was seen. Its annotations are filled in only now, with what could be known when they would have been.
    fn alert(&self, place: usize, rule: &Rule, active: &Active) -> Alert {
        let found = &active.found;
        let options = options(self.setup.subquery_step_ms);
        let seen = self.memory.until(found.at_ms, place);
        let ask = |query: &str, t: i64| ask(&seen, query, t, options);
        let data = Data {
            labels: &found.labels,
            value: found.value,
            at_ms: found.at_ms,
            externals: &self.externals,
            ask: &ask,
        };
        let annotations = annotations_of(rule, &data);
        Alert {
            name: rule.name.to_string(),
            labels: pairs(&active.labels),
            annotations: annotations.iter().map(|(name, text)| (name.to_string(), text.clone())).collect(),
            state: state(active.state),
            value: found.value,
            active_at_ms: active.active_at_ms,
        }
    }
}
