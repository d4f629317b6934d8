//! Everything that is known of the two periods: the input of the analysis, which asks nobody.

use crate::{
    metrics::Metrics,
    periods::{Grid, Periods},
};
use query::{LogEntry, UnixNanos, trace::Tree};
use std::collections::BTreeMap;

/// Spans may arrive this much after they ended: a batch is sent every five seconds. Of younger traces some may be missing.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(9);

/// What was collected.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The two periods.
    pub periods: Periods,
    /// The moments at which metrics were read.
    pub grid: Grid,
    /// Metrics at these moments.
    pub metrics: Metrics,
    /// Reading statements a second, by service, second by second (or so): of the calm period, and of the other.
    pub rhythm: BTreeMap<String, [Vec<f64>; 2]>,
    /// Of the calm period.
    pub before: Sample,
    /// Of the period in question.
    pub during: Sample,
    /// What could not be asked, in words: the answer may be poorer for it.
    pub gaps: Vec<String>,
}

/// Traces and log lines of one period.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// Traces as they came, whatever became of them: shares among them are those of the period.
    pub traces: Vec<Tree>,
    /// Traces that were looked for because something in them is bad; no share of them says anything.
    pub chosen: Vec<Tree>,
    /// Log lines, the newest of each kind of question.
    pub lines: Vec<LogEntry>,
}

impl Sample {
    /// All traces, looked for or not, each once.
    pub fn all(&self) -> impl Iterator<Item = &Tree> {
        let known: std::collections::BTreeSet<_> = self.traces.iter().map(|tree| tree.id).collect();
        self.traces.iter().chain(self.chosen.iter().filter(move |tree| !known.contains(&tree.id)))
    }
}

impl Facts {
    /// Nothing but the periods.
    #[must_use]
    pub fn new(periods: Periods) -> Self {
        let (grid, metrics) = (periods.grid(), Metrics::default());
        Self {
            periods,
            grid,
            metrics,
            rhythm: BTreeMap::new(),
            before: Sample::default(),
            during: Sample::default(),
            gaps: Vec::new(),
        }
    }

    /// Whether all spans of a trace must have arrived by now.
    #[must_use]
    pub fn is_settled(&self, tree: &Tree) -> bool {
        let end = UnixNanos::from_micros(tree.start_us.saturating_add(tree.duration_us));
        end.after(SETTLED) <= self.periods.incident.end
    }
}
