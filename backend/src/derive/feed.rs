//! Appends the points to the sample store once per scrape interval, as if a page of them had been scraped: with `up` and
//! its companions, and with an end for each series that is shown no more.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::red::of_page;
use super::series::{Point, labels, metadata};
use crate::Backend;
use crate::stats::add;
use crate::store::samples::stale;
use crate::time::now_ms;

/// A tick that comes within this of its due time is stored under the due time: even steps compress to one bit.
const TOLERANCE_MS: i64 = 10;
/// What a scrape says of itself.
const REPORT: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// Feeds until `stop`, then ends all series. Nothing appears before the first span.
pub(crate) async fn run(backend: Arc<Backend>, instance: String, stop: CancellationToken) {
    let interval = backend.config.scrape_interval;
    let step = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
    let mut tick = tokio::time::interval(interval);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut feed = Feed { backend, instance, shown: HashSet::new() };
    let mut last = 0_i64;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        let now = now_ms();
        let due = last.saturating_add(step);
        last = if (now - due).abs() <= TOLERANCE_MS { due } else { now };
        let started = Instant::now();
        let points = feed.backend.derived.flush(now);
        if !points.is_empty() || !feed.shown.is_empty() {
            feed.store(points, last, started);
        }
    }
    feed.end(now_ms().max(last + 1));
}

struct Feed {
    backend: Arc<Backend>,
    instance: String,
    /// The series shown last.
    shown: HashSet<u32>,
}

impl Feed {
    fn store(&mut self, points: Vec<Point>, t: i64, started: Instant) {
        let made = points.len();
        let mut appender = self.backend.store.samples.appender();
        for (family, metadata) in metadata() {
            appender.describe(family, metadata);
        }
        let mut shown = HashSet::with_capacity(made);
        let mut refused = 0;
        for Point { labels, value, exemplar } in points {
            match appender.append(&labels, t, value) {
                Ok(id) => {
                    shown.insert(id);
                    if let Some(exemplar) = exemplar {
                        appender.exemplar(id, exemplar);
                    }
                }
                Err(_) => refused += 1,
            }
        }
        for gone in self.shown.difference(&shown) {
            let _ = appender.append_to(*gone, t, stale());
        }
        let added = shown.difference(&self.shown).count();
        let values = [1.0, started.elapsed().as_secs_f64(), made as f64, made as f64, added as f64];
        let page = of_page(&self.instance);
        for (name, value) in REPORT.iter().zip(values) {
            refused += usize::from(appender.append(&labels(name, &page), t, value).is_err());
        }
        drop(appender);
        add(&self.backend.stats.samples.ingested, made + REPORT.len() - refused);
        add(&self.backend.stats.samples.refused, refused);
        self.shown = shown;
    }

    fn end(&self, t: i64) {
        if self.shown.is_empty() {
            return;
        }
        let mut appender = self.backend.store.samples.appender();
        for id in &self.shown {
            let _ = appender.append_to(*id, t, stale());
        }
        let page = of_page(&self.instance);
        for name in REPORT {
            let _ = appender.append(&labels(name, &page), t, stale());
        }
    }
}
