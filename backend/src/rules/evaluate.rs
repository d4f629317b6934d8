//! Evaluates one rule at the steps of a grid: at one instant, as a running program does, or at many at once, where
//! nothing that it asks for depends on what it makes. What is to be stored is handed back; stored it is by the caller.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::alert::{Active, Alerts, Ask, Data, Externals, Found, annotations_of, labels_of};
use super::definition::{Alert, Rule};
use crate::labels::{Labels, NAME};
use crate::promql::{self, Grid, Options, Query, QueryError, Row, Source, Value, is_present};
use crate::store::samples::{Sample, stale};

/// What a rule carries from one evaluation to the next.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The series that it made last: those it makes no more get an end.
    pub(crate) made: HashSet<Labels>,
    pub(crate) alerts: Alerts,
    /// Alerts whose state from before a restart is not known yet are not written down.
    pub(crate) holds_back: bool,
}

/// What a rule is evaluated over.
pub(crate) struct Scene<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) options: Options,
    pub(crate) externals: &'a Externals,
    /// Whether annotations are filled in at once.
    pub(crate) annotates: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Series with their samples, in order of time.
    pub(crate) series: Vec<(Labels, Vec<Sample>)>,
    /// Evaluations that failed, and why: the time of each.
    pub(crate) failures: Vec<(i64, String)>,
}

/// Is told the alerts after each step.
pub(crate) type Observe<'o> = &'o mut dyn FnMut(i64, &Alerts);

/// Evaluates at each step. `grid` has the times that are asked about, `offset_ms` before those of the evaluation.
pub(crate) fn evaluate(
    rule: &Rule,
    state: &mut State,
    limit: usize,
    (grid, offset_ms): (Grid, i64),
    scene: &Scene<'_>,
    observe: Observe<'_>,
) -> Output {
    let rows = match rows(scene.source, &rule.query, grid, scene.options) {
        Ok(rows) => rows,
        Err(error) if grid.len <= 1 => {
            let failures = vec![(grid.start + offset_ms, error.to_string())];
            return Output { series: Vec::new(), failures };
        }
        // Some of the steps fail: which ones, only each by itself can tell.
        Err(_) => return one_by_one(rule, state, limit, (grid, offset_ms), scene, observe),
    };
    match rule.alert() {
        None => record(rule, rows, grid, limit, &mut state.made, offset_ms),
        Some(alert) => Alerting { rule, alert, limit, grid, offset_ms, scene }.run(&rows, state, observe),
    }
}

fn one_by_one(
    rule: &Rule,
    state: &mut State,
    limit: usize,
    (grid, offset_ms): (Grid, i64),
    scene: &Scene<'_>,
    observe: Observe<'_>,
) -> Output {
    let mut all = Gathered::default();
    let mut failures = Vec::new();
    for t in grid.times() {
        let one = evaluate(rule, state, limit, (Grid::instant(t), offset_ms), scene, &mut *observe);
        failures.extend(one.failures);
        for (labels, samples) in one.series {
            samples.into_iter().for_each(|sample| all.push(&labels, sample));
        }
    }
    Output { series: all.series, failures }
}

/// The query's rows; a scalar is one without labels.
fn rows(source: &dyn Source, query: &Query, grid: Grid, options: Options) -> Result<Vec<Row>, QueryError> {
    let answer = if grid.len == 1 {
        promql::instant(source, query, grid.start, options)
    } else {
        promql::range(source, query, grid, options)
    };
    match answer?.value {
        Value::Vector(rows) => Ok(rows),
        Value::Scalar(points) => Ok(vec![Row { labels: Labels::default(), points }]),
        _ => Err(QueryError::execution("rule result is not a vector or scalar")),
    }
}

/// Asks a query for a template.
///
/// # Errors
/// It is none, or has no answer.
pub(crate) fn ask(
    source: &dyn Source,
    query: &str,
    t: i64,
    options: Options,
) -> Result<Vec<(Labels, f64)>, String> {
    let query = Query::new(query).map_err(|e| e.to_string())?;
    let rows = rows(source, &query, Grid::instant(t), options).map_err(|e| e.to_string())?;
    let present = rows.into_iter().filter(|row| row.has_any());
    Ok(present.map(|row| (row.labels, row.points[0])).collect())
}

fn record(
    rule: &Rule,
    rows: Vec<Row>,
    grid: Grid,
    limit: usize,
    made: &mut HashSet<Labels>,
    offset_ms: i64,
) -> Output {
    let mut failed: BTreeMap<usize, String> = BTreeMap::new();
    let mut at: HashMap<Labels, usize> = HashMap::with_capacity(rows.len());
    let mut columns: Vec<(Labels, Vec<f64>)> = Vec::with_capacity(rows.len());
    for row in rows {
        let own = rule.labels.iter().map(|(name, text)| (name.as_ref(), text.source()));
        let labels = Labels::new(row.labels.iter().chain([(NAME, &*rule.name)]).chain(own));
        match at.get(&labels) {
            None => {
                at.insert(labels.clone(), columns.len());
                columns.push((labels, row.points));
            }
            Some(slot) => {
                for (i, (into, v)) in columns[*slot].1.iter_mut().zip(row.points).enumerate() {
                    if is_present(*into) && is_present(v) {
                        let twice =
                            "vector contains metrics with the same labelset after applying rule labels";
                        failed.insert(i, twice.to_owned());
                    } else if is_present(v) {
                        *into = v;
                    }
                }
            }
        }
    }
    if limit > 0 && columns.len() > limit {
        for i in 0..grid.len {
            let count = columns.iter().filter(|(_, points)| is_present(points[i])).count();
            if count > limit {
                let what = || format!("exceeded limit of {limit} with {count} series");
                failed.entry(i).or_insert_with(what);
            }
        }
    }
    // What was made before and is in no column ends at the first step that succeeds.
    if let Some(first) = (0..grid.len).find(|i| !failed.contains_key(i)) {
        for labels in made.iter().filter(|labels| !at.contains_key(*labels)) {
            let mut points = vec![stale(); grid.len];
            points.truncate(first + 1);
            columns.push((labels.clone(), points));
        }
    }
    let mut series = Vec::with_capacity(columns.len());
    for (labels, points) in columns {
        let mut alive = made.contains(&labels);
        let mut samples = Vec::with_capacity(points.len());
        for (i, v) in points.into_iter().enumerate().filter(|(i, _)| !failed.contains_key(i)) {
            // An end is written once.
            if is_present(v) || alive {
                samples.push(Sample { t: grid.time(i), v });
            }
            alive = is_present(v);
        }
        match alive {
            true => made.insert(labels.clone()),
            false => made.remove(&labels),
        };
        if !samples.is_empty() {
            series.push((labels, samples));
        }
    }
    let failures = failed.into_iter().map(|(i, what)| (grid.time(i) + offset_ms, what));
    Output { series, failures: failures.collect() }
}

/// Samples of series, gathered step by step.
#[derive(Default)]
struct Gathered {
    at: HashMap<Labels, usize>,
    series: Vec<(Labels, Vec<Sample>)>,
}

impl Gathered {
    fn push(&mut self, labels: &Labels, sample: Sample) {
        let slot = match self.at.get(labels) {
            Some(slot) => *slot,
            None => {
                self.at.insert(labels.clone(), self.series.len());
                self.series.push((labels.clone(), Vec::new()));
                self.series.len() - 1
            }
        };
        self.series[slot].1.push(sample);
    }
}

/// An alerting rule at its steps.
struct Alerting<'a> {
    rule: &'a Rule,
    alert: &'a Alert,
    limit: usize,
    grid: Grid,
    offset_ms: i64,
    scene: &'a Scene<'a>,
}

impl Alerting<'_> {
    fn run(&self, rows: &[Row], state: &mut State, observe: Observe<'_>) -> Output {
        let fixed = self.rule.labels.iter().all(|(_, text)| text.fixed().is_some());
        let mut labels: Vec<Option<Labels>> = vec![None; rows.len()];
        let mut gathered = Gathered::default();
        let mut failures = Vec::new();
        for i in 0..self.grid.len {
            let ts = self.grid.time(i) + self.offset_ms;
            let mut found = BTreeMap::new();
            let mut twice = false;
            for (row, known) in rows.iter().zip(&mut labels).filter(|(row, _)| is_present(row.points[i])) {
                let (of_alert, one) = self.found(row, i, ts, if fixed { known.take() } else { None });
                if fixed {
                    *known = Some(of_alert.clone());
                }
                twice |= found.insert(of_alert, one).is_some();
            }
            if twice {
                let what = "vector contains metrics with the same labelset after applying alert labels";
                failures.push((ts, what.to_owned()));
                continue;
            }
            if found.is_empty() && state.alerts.is_empty() && state.made.is_empty() {
                continue;
            }
            if let Err(what) = state.alerts.advance(self.rule, self.alert, ts, found, self.limit) {
                failures.push((ts, what));
                continue;
            }
            self.write(self.grid.time(i), state, &mut gathered);
            observe(ts, &state.alerts);
        }
        Output { series: gathered.series, failures }
    }

    /// What a row at one step finds, and the labels of the alert; `known` when they are known.
    fn found(&self, row: &Row, i: usize, ts: i64, known: Option<Labels>) -> (Labels, Found) {
        let scene = self.scene;
        let ask: Ask<'_> = &|query, t| ask(scene.source, query, t, scene.options);
        let data =
            Data { labels: &row.labels, value: row.points[i], at_ms: ts, externals: scene.externals, ask };
        let labels = known.unwrap_or_else(|| labels_of(self.rule, &data));
        let annotations = scene.annotates.then(|| annotations_of(self.rule, &data));
        (labels, Found { value: row.points[i], labels: row.labels.clone(), at_ms: ts, annotations })
    }

    /// Writes the series of the alerts down, and an end for those that are no more.
    fn write(&self, t: i64, state: &mut State, gathered: &mut Gathered) {
        let mut made = HashSet::new();
        if !state.holds_back {
            for (labels, v) in state.alerts.active().flat_map(Active::samples) {
                gathered.push(labels, Sample { t, v });
                made.insert(labels.clone());
            }
        }
        for gone in state.made.difference(&made) {
            gathered.push(gone, Sample { t, v: stale() });
        }
        state.made = made;
    }
}
