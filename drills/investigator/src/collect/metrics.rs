//! The metrics of both periods, raw, at the moments of the grid.

use super::a_few_at_a_time;
use crate::{
    lens::machine::SCRAPE,
    metrics::{ANSWERED, Metrics, Reading},
    names::{CLIENT, HEARTBEAT, POOL_WAIT, SERVER, STATEMENT, WRITE_TURN, buckets},
    periods::{Grid, Periods},
};
use query::{Error, Prometheus, UnixNanos};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// Asks for all.
pub(super) async fn collect(prometheus: &Prometheus, grid: &Grid) -> Result<Metrics, Error> {
    let slice = format!("{}s", grid.step.as_secs());
    // An expression, and the name of its family where the answer has none.
    let mut questions: Vec<(String, Option<&str>)> =
        [SERVER, CLIENT, STATEMENT, POOL_WAIT, WRITE_TURN, HEARTBEAT]
            .map(|family| (buckets(family), None))
            .into();
    questions.extend([
        (format!("avg_over_time(up[{slice}])"), Some(ANSWERED)),
        (format!("avg_over_time({SCRAPE}[{slice}])"), Some(SCRAPE)),
        // All counters and gauges of processes that name their service; no rules' results, no histograms.
        (r#"{__name__=~".+_total|build_info",service!=""}"#.to_owned(), None),
        (
            r#"{__name__!~".*:.*|ALERTS.*|.+_(bucket|sum|count|total|created|info)",service!=""}"#.to_owned(),
            None,
        ),
    ]);
    let answers = a_few_at_a_time(questions.iter().map(|(expression, family)| async move {
        prometheus.range(expression, grid.window(), grid.step).await.map(|answer| (answer, *family))
    }))
    .await;
    // The moments of the answer are whole milliseconds.
    let moments: HashMap<i64, usize> =
        grid.times.iter().enumerate().map(|(index, time)| (millis(*time), index)).collect();
    let mut metrics = Metrics::default();
    for answer in answers {
        let (answer, family) = answer?;
        for mut series in answer.data.into_series() {
            let name = series.labels.remove("__name__");
            let Some(name) = family.map(str::to_owned).or(name) else { continue };
            let mut values = vec![None; grid.times.len()];
            for point in series.points {
                let moment = moments.get(&millis(point.time)).and_then(|index| values.get_mut(*index));
                if let (Some(value), true) = (moment, point.value.is_finite()) {
                    *value = Some(point.value);
                }
            }
            metrics.add(&name, Reading { labels: series.labels, values });
        }
    }
    Ok(metrics)
}

/// Seconds that are looked at one by one; of longer periods, so many moments.
const MOMENTS: u64 = 600;

/// How many reading statements each service ran, second by second: bursts are seen in no mean.
pub(super) async fn rhythm(
    prometheus: &Prometheus,
    periods: &Periods,
) -> Result<BTreeMap<String, [Vec<f64>; 2]>, Error> {
    let mut found: BTreeMap<String, [Vec<f64>; 2]> = BTreeMap::new();
    for (window, index) in [(periods.baseline, 0), (periods.incident, 1)] {
        let seconds = u64::try_from((window.end.0 - window.start.0) / 1_000_000_000).unwrap_or(0);
        let step = seconds.div_ceil(MOMENTS).max(1);
        // Two scrapes at least lie in it, when one is made each second.
        let counted = format!("{STATEMENT}_count{{operation=\"SELECT\"}}[{}s]", step + 1);
        let expression = format!("sum by (service) (rate({counted}))");
        let answer = prometheus.range(&expression, window, Duration::from_secs(step)).await?;
        for series in answer.data.into_series() {
            let service = series.labels.get("service").cloned().unwrap_or_default();
            let rates = series.points.iter().map(|point| point.value).filter(|rate| rate.is_finite());
            found.entry(service).or_default()[index] = rates.collect();
        }
    }
    Ok(found)
}

fn millis(time: UnixNanos) -> i64 {
    time.0 / 1_000_000
}
