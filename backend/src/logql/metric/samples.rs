//! Collects the samples of a range aggregation: of each entry that passes the pipeline one value, in the series that its
//! labels name.

use std::collections::{BTreeMap, HashMap};

use super::{Bounds, Grid};
use crate::labels::Labels;
use crate::logql::ast::{Grouping, RangeAggregation, RangeOp};
use crate::logql::fields::{Fields, PRESERVE_ERROR};
use crate::logql::hints::Hints;
use crate::logql::pipeline::holds;
use crate::logql::plan::Plan;
use crate::logql::units;
use crate::store::logs::Entry;

/// Times and values, in order of time once they are all there.
pub(crate) type Samples = Vec<(i64, f64)>;

/// Takes entries, and makes samples of them.
#[derive(Debug)]
pub(crate) struct Collector<'q> {
    aggregation: &'q RangeAggregation,
    grouping: Option<&'q Grouping>,
    plan: Plan,
    hints: Hints,
    grid: Grid,
    bounds: Bounds,
    /// Series by their labels, laid end to end.
    by_labels: HashMap<Vec<u8>, usize>,
    series: Vec<(Labels, Samples)>,
    count: usize,
    /// Bytes of all series' labels.
    labels_bytes: usize,
    key: Vec<u8>,
    /// Why there will be no answer.
    failure: Option<String>,
}

impl<'q> Collector<'q> {
    /// `grouping` is the one by which series are told apart: the aggregation's own, or that of the sum around it.
    pub(super) fn new(
        aggregation: &'q RangeAggregation,
        grouping: Option<&'q Grouping>,
        grid: Grid,
        bounds: Bounds,
    ) -> Self {
        let plan = aggregation.query.metric_plan(aggregation.op);
        let hints = Hints::of(aggregation, grouping, &plan.rest);
        Self {
            aggregation,
            grouping,
            plan,
            hints,
            grid,
            bounds,
            by_labels: HashMap::new(),
            series: Vec::new(),
            count: 0,
            labels_bytes: 0,
            key: Vec::new(),
            failure: None,
        }
    }

    /// Whether further entries can still matter.
    pub(crate) fn is_open(&self) -> bool {
        self.failure.is_none()
    }

    /// What the query's lines have to be like.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes an entry whose line is wanted.
    pub(crate) fn take(&mut self, entry: &Entry<'_>) {
        if !self.is_open() || !self.grid.covers(entry.ts_ns, self.aggregation.range_ns) {
            return;
        }
        // Moved out while the entry is looked at, as both are borrowed then.
        let hints = std::mem::take(&mut self.hints);
        if let Some((fields, value)) = self.sample(&hints, entry) {
            self.put(&fields, entry.ts_ns, value);
        }
        self.hints = hints;
    }

    /// What the entry counts for, if it does.
    fn sample<'e>(&self, hints: &'e Hints, entry: &'e Entry<'e>) -> Option<(Fields<'e>, f64)> {
        let mut fields = self.plan.run(hints, entry)?;
        let Some(unwrap) = &self.aggregation.unwrap else {
            let of_bytes = matches!(self.aggregation.op, RangeOp::Bytes | RangeOp::BytesRate);
            let value = if of_bytes { fields.line.len() as f64 } else { 1.0 };
            return Some((fields, value));
        };
        let text = fields.find(&unwrap.label).filter(|text| !text.is_empty())?.to_owned();
        let read = units::read(&text, unwrap.unit);
        if read.is_none() {
            fields.fail("SampleExtractionErr", units::fault(&text, unwrap.unit));
        }
        let passes = unwrap.filters.iter().all(|f| holds(f, &mut fields));
        passes.then_some((fields, read.unwrap_or(0.0)))
    }

    fn put(&mut self, fields: &Fields<'_>, ts_ns: i64, value: f64) {
        if let Some(kind) = fields.error()
            && fields.find(PRESERVE_ERROR) != Some("true")
        {
            self.failure = Some(pipeline_error(kind, fields));
            return;
        }
        let at = self.series_of(fields);
        self.series[at].1.push((ts_ns, value));
        self.count += 1;
        if self.labels_bytes > self.bounds.labels_bytes {
            self.failure = Some(format!(
                "the labels of the query's series have more than {} bytes, which is more than the embedded backend holds; aggregate by fewer labels",
                self.bounds.labels_bytes
            ));
        }
        if self.count > self.bounds.samples {
            self.failure = Some(format!(
                "the query reads more than {} samples at once, which is more than the embedded backend holds; take a shorter time or a narrower filter",
                self.bounds.samples
            ));
        }
    }

    fn is_label(&self, name: &str, fields: &Fields<'_>) -> bool {
        let unwrap = self.aggregation.unwrap.as_ref();
        let is_unwrapped = || unwrap.is_some_and(|u| u.label == name);
        match self.grouping {
            // An error that was asked for stands beside all labels.
            _ if fields.error().is_some() => true,
            _ if self.aggregation.op == RangeOp::Absent => false,
            None => !is_unwrapped(),
            Some(grouping) if grouping.without => grouping.keeps(name) && !is_unwrapped(),
            // What was removed once and set again is no group, to Loki.
            Some(grouping) => grouping.keeps(name) && !fields.is_removed(name),
        }
    }

    fn series_of(&mut self, fields: &Fields<'_>) -> usize {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        // Entries of one series bring their labels in one order as good as always; where not, `finish` joins them.
        fields.each(|k, v| {
            if self.is_label(k, fields) {
                for text in [k, v] {
                    key.extend_from_slice(&(text.len() as u64).to_le_bytes());
                    key.extend_from_slice(text.as_bytes());
                }
            }
        });
        let at = match self.by_labels.get(&key) {
            Some(at) => *at,
            None => {
                let pairs = fields.all().into_iter().filter(|(k, _)| self.is_label(k, fields));
                self.series.push((Labels::with_empty(pairs), Vec::new()));
                // The labels are there twice; the rest is what small allocations take.
                self.labels_bytes += key.len() * 2 + 256;
                self.by_labels.insert(key.clone(), self.series.len() - 1);
                self.series.len() - 1
            }
        };
        self.key = key;
        at
    }

    /// # Errors
    /// Why there is no answer.
    pub(super) fn finish(self) -> Result<Vec<(Labels, Samples)>, String> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let mut joined: BTreeMap<Labels, Samples> = BTreeMap::new();
        for (labels, mut samples) in self.series {
            joined.entry(labels).or_default().append(&mut samples);
        }
        let mut joined: Vec<_> = joined.into_iter().collect();
        for (_, samples) in &mut joined {
            samples.sort_by_key(|(ts, _)| *ts);
        }
        Ok(joined)
    }
}

/// Loki's words for a line that a stage of a metric query could not read.
fn pipeline_error(kind: &str, fields: &Fields<'_>) -> String {
    let labels = Labels::with_empty(fields.all());
    format!(
        "pipeline error: '{kind}' for series: '{labels}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!=\"{kind}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )
}
