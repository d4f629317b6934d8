//! Samples of virtual time: a few series, uncompressed, that are written from the past to the future and asked at any time.
//! Neither clock nor bound: who fills it knows how much that is.

use std::collections::HashMap;
use std::sync::Arc;

use crate::labels::{Labels, NAME};
use crate::matcher::Matcher;
use crate::promql::Source;
use crate::store::samples::{Sample, SeriesView, is_stale};

/// All series.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    series: Vec<Kept>,
    at: HashMap<Labels, usize>,
    by_name: HashMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Kept {
    labels: Labels,
    samples: Arc<Vec<Sample>>,
    /// The place of the rule that made it first; none of a series that was given.
    maker: Option<usize>,
}

impl Memory {
    /// Adds samples, in order of time, that the rule at `maker` made. Where the series has a sample at a time already, that
    /// one stays; answers the times of those that say something else, an end aside.
    pub(crate) fn merge(&mut self, labels: &Labels, maker: Option<usize>, samples: Vec<Sample>) -> Vec<i64> {
        let slot = match self.at.get(labels) {
            Some(slot) => *slot,
            None => {
                self.at.insert(labels.clone(), self.series.len());
                self.by_name.entry(labels.get(NAME).to_owned()).or_default().push(self.series.len());
                self.series.push(Kept { labels: labels.clone(), samples: Arc::default(), maker });
                self.series.len() - 1
            }
        };
        let known = Arc::make_mut(&mut self.series[slot].samples);
        let is_later = |last: &Sample| samples.first().is_none_or(|first| first.t > last.t);
        if known.last().is_none_or(is_later) {
            known.extend(samples);
            return Vec::new();
        }
        let mut conflicts = Vec::new();
        for sample in samples {
            match known.binary_search_by_key(&sample.t, |s| s.t) {
                Err(at) => known.insert(at, sample),
                Ok(at) => {
                    let same = known[at].v.to_bits() == sample.v.to_bits();
                    if !same && !is_stale(sample.v) {
                        conflicts.push(sample.t);
                    }
                }
            }
        }
        conflicts
    }

    /// What a rule sees at `until_ms`: what was made until then, and of the rules from `maker` on, whose turn has not come,
    /// what they made before.
    pub(crate) fn until(&self, until_ms: i64, maker: usize) -> Until<'_> {
        Until { memory: self, until_ms, maker }
    }

    fn find(&self, matchers: &[Matcher]) -> Vec<&Kept> {
        let name = matchers.iter().find(|m| m.name == NAME).and_then(Matcher::exact);
        let fits = |kept: &&Kept| matchers.iter().all(|m| m.matches(kept.labels.get(&m.name)));
        let mut found: Vec<&Kept> = match name {
            Some(name) => {
                let slots = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
                slots.iter().map(|slot| &self.series[*slot]).filter(fits).collect()
            }
            None => self.series.iter().filter(fits).collect(),
        };
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        found
    }
}

impl Kept {
    /// The series, if it has samples with `start < t <= end`.
    fn view(&self, start: i64, end: i64) -> Option<SeriesView> {
        let from = self.samples.partition_point(|s| s.t <= start);
        let any = self.samples.get(from).is_some_and(|s| s.t <= end);
        any.then(|| SeriesView::plain(self.labels.clone(), Arc::clone(&self.samples)))
    }
}

impl Source for Memory {
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<SeriesView> {
        self.find(matchers).into_iter().filter_map(|kept| kept.view(start, end)).collect()
    }
}

/// A memory as far as it reached at one moment.
#[derive(Debug)]
pub(crate) struct Until<'m> {
    memory: &'m Memory,
    until_ms: i64,
    maker: usize,
}

impl Source for Until<'_> {
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<SeriesView> {
        let view = |kept: &Kept| {
            let later = kept.maker.is_some_and(|maker| maker >= self.maker);
            let until = self.until_ms - i64::from(later);
            if end <= until || kept.samples.last().is_some_and(|s| s.t <= until) {
                return kept.view(start, end);
            }
            // What reads a series reads it to the end that it asks for, which here is to come.
            let to = kept.samples.partition_point(|s| s.t <= until);
            let from = kept.samples.partition_point(|s| s.t <= start).min(to);
            let samples: Vec<Sample> = kept.samples[from..to].to_vec();
            (!samples.is_empty()).then(|| SeriesView::plain(kept.labels.clone(), Arc::new(samples)))
        };
        self.memory.find(matchers).into_iter().filter_map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(view: &SeriesView) -> Vec<(i64, f64)> {
        let mut samples = Vec::new();
        view.read(i64::MIN, i64::MAX, &mut samples);
        samples.iter().map(|s| (s.t, s.v)).collect()
    }

    fn samples(all: &[(i64, f64)]) -> Vec<Sample> {
        all.iter().map(|(t, v)| Sample { t: *t, v: *v }).collect()
    }

    #[test]
    fn what_was_there_first_stays_and_what_contradicts_it_is_told() {
        let mut memory = Memory::default();
        let labels = Labels::new([(NAME, "a")]);
        assert!(memory.merge(&labels, None, samples(&[(1, 1.0), (3, 3.0)])).is_empty());
        let stale = crate::store::samples::stale();
        let conflicts = memory.merge(&labels, None, samples(&[(1, 1.0), (2, 2.0), (3, 4.0), (5, stale)]));
        assert_eq!(conflicts, [3]);
        let name = [Matcher::new(NAME, "=", "a").expect("valid")];
        let found = memory.select(&name, 0, 4);
        assert_eq!(series(&found[0])[..3], [(1, 1.0), (2, 2.0), (3, 3.0)]);
    }

    #[test]
    fn a_rule_sees_of_later_ones_only_what_they_made_before() {
        let mut memory = Memory::default();
        for (name, maker) in [("given", None), ("earlier", Some(0)), ("later", Some(1))] {
            let all = samples(&[(1, 1.0), (2, 2.0), (3, 3.0)]);
            memory.merge(&Labels::new([(NAME, name)]), maker, all);
        }
        let at = memory.until(2, 1);
        let last = |name: &str| {
            let name = [Matcher::new(NAME, "=", name).expect("valid")];
            series(&at.select(&name, 0, 10)[0]).last().copied()
        };
        assert_eq!(
            [last("given"), last("earlier"), last("later")].map(|s| s.map(|s| s.0)),
            [Some(2), Some(2), Some(1)]
        );
    }
}
