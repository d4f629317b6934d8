//! Scrapes the targets, one task each, and stores what they answer with `up` and its companions. A series that a
//! target no longer shows, and every series of a failed scrape, is marked stale at once.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use http::header;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::openmetrics::{self, Exposition, Format};
use super::targets::{Target, Watched};
use crate::Backend;
use crate::labels::{Labels, NAME};
use crate::stats::add;
use crate::store::samples::{Exemplar, Refused, stale};
use crate::time::now_ms;

/// Names of metrics and labels are wanted as they are, in whatever characters.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
     text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
/// A tick that comes within this of its due time is stored under the due time: even steps compress to one bit.
const TOLERANCE_MS: i64 = 10;

/// What is known of each target, for `/api/v1/targets`.
#[derive(Debug, Default)]
pub(crate) struct Targets(RwLock<BTreeMap<Target, Health>>);

/// The latest scrape of a target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    /// `None` before the first scrape.
    pub(crate) error: Option<Result<(), String>>,
    pub(crate) last_scrape_ms: i64,
    pub(crate) duration: Duration,
}

impl Targets {
    /// All targets, in order.
    pub(crate) fn all(&self) -> Vec<(Target, Health)> {
        self.0.read().map(|t| t.iter().map(|(t, h)| (t.clone(), h.clone())).collect()).unwrap_or_default()
    }

    fn set(&self, target: &Target, health: Health) {
        if let Ok(mut targets) = self.0.write()
            && let Some(entry) = targets.get_mut(target)
        {
            *entry = health;
        }
    }
}

/// Follows the targets' file and scrapes until `stop`.
pub(crate) async fn run(backend: Arc<Backend>, stop: CancellationToken) {
    let Some(path) = &backend.config.scrape_file else { return };
    let mut file = Watched::new(path);
    let client =
        match reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build() {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(%error, "nothing is scraped: the HTTP client could not be made");
                return;
            }
        };
    let mut running: BTreeMap<Target, CancellationToken> = BTreeMap::new();
    let mut tasks = tokio::task::JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        let Some(targets) = file.changed() else { continue };
        tracing::info!(targets = targets.len(), file = %path.display(), "scraping the targets of the file");
        let wanted: HashSet<&Target> = targets.iter().collect();
        running.retain(|target, stop| {
            let keep = wanted.contains(target);
            if !keep {
                stop.cancel();
            }
            keep
        });
        if let Ok(mut known) = backend.targets.0.write() {
            known.retain(|target, _| wanted.contains(target));
            for target in &targets {
                known.entry(target.clone()).or_default();
            }
        }
        for target in targets {
            running.entry(target.clone()).or_insert_with(|| {
                let token = stop.child_token();
                let scraper = Scraper::new(Arc::clone(&backend), client.clone(), target);
                tasks.spawn(scraper.run(token.clone()));
                token
            });
        }
    }
    while tasks.join_next().await.is_some() {}
}

struct Scraper {
    backend: Arc<Backend>,
    client: reqwest::Client,
    target: Target,
    /// The series of the last scrape that succeeded.
    shown: HashSet<u32>,
    was_up: bool,
}

impl Scraper {
    fn new(backend: Arc<Backend>, client: reqwest::Client, target: Target) -> Self {
        Self { backend, client, target, shown: HashSet::new(), was_up: true }
    }

    async fn run(mut self, stop: CancellationToken) {
        let interval = self.backend.config.scrape_interval;
        let step = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        let mut tick = tokio::time::interval(interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
            }
            let now = now_ms();
            let due = last + step;
            last = if (now - due).abs() <= TOLERANCE_MS { due } else { now };
            let started = Instant::now();
            let answer = tokio::select! {
                () = stop.cancelled() => break,
                answer = tokio::time::timeout(self.backend.config.limits.scrape_timeout, self.fetch()) => answer,
            };
            let answer = answer.unwrap_or_else(|_| Err("context deadline exceeded".to_owned()));
            self.store(answer, last, started.elapsed());
        }
        self.end(last);
    }

    async fn fetch(&self) -> Result<Exposition, String> {
        let url = self.target.url();
        let mut response =
            self.client.get(url).header(header::ACCEPT, ACCEPT).send().await.map_err(|e| root_cause(&e))?;
        if response.status() != http::StatusCode::OK {
            return Err(format!("server returned HTTP status {}", response.status()));
        }
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let is_openmetrics = content_type.is_some_and(|t| t.starts_with("application/openmetrics-text"));
        let format = if is_openmetrics { Format::OpenMetrics } else { Format::Prometheus };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| root_cause(&e))? {
            body.extend_from_slice(&chunk);
            if body.len() > self.backend.config.limits.scrape_bytes {
                return Err("body size limit exceeded".to_owned());
            }
        }
        let text = String::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
        openmetrics::parse(&text, format)
    }

    fn store(&mut self, answer: Result<Exposition, String>, t: i64, duration: Duration) {
        let stats = &self.backend.stats;
        add(&stats.scrapes, 1);
        let (exposition, error) = match answer {
            Ok(exposition) => (exposition, Ok(())),
            Err(error) => {
                add(&stats.scrapes_failed, 1);
                if self.was_up {
                    tracing::debug!(target = %self.target.url(), %error, "a target went down");
                }
                (Exposition::default(), Err(error))
            }
        };
        self.was_up = error.is_ok();
        let scraped = exposition.samples.len();
        let mut appender = self.backend.store.samples.appender();
        for (family, metadata) in exposition.metadata {
            appender.describe(&family, metadata);
        }
        let mut shown = HashSet::with_capacity(scraped);
        let (mut stored, mut refused) = (0, 0);
        for sample in exposition.samples {
            let labels = self.labels(sample.labels);
            match appender.append(&labels, sample.t.unwrap_or(t), sample.value) {
                Ok(id) => {
                    stored += 1;
                    // Series with times of their own end when their target says so, not when they are missing.
                    if sample.t.is_none() {
                        shown.insert(id);
                    }
                    if let Some(exemplar) = sample.exemplar {
                        let at = if exemplar.t == 0 { t } else { exemplar.t };
                        appender.exemplar(id, Exemplar { t: at, ..exemplar });
                    }
                }
                // A repeated timestamp is the same sample shown again.
                Err(Refused::OutOfOrder | Refused::Duplicate) if sample.t.is_some() => {}
                Err(_) => refused += 1,
            }
        }
        for gone in self.shown.difference(&shown) {
            let _ = appender.append_to(*gone, t, stale());
        }
        let added = shown.difference(&self.shown).count();
        let report = [
            ("up", f64::from(u8::from(error.is_ok()))),
            ("scrape_duration_seconds", duration.as_secs_f64()),
            ("scrape_samples_scraped", scraped as f64),
            ("scrape_samples_post_metric_relabeling", scraped as f64),
            ("scrape_series_added", added as f64),
        ];
        for (name, value) in report {
            match appender.append(&self.labels(vec![(NAME.to_owned(), name.to_owned())]), t, value) {
                Ok(_) => stored += 1,
                Err(_) => refused += 1,
            }
        }
        drop(appender);
        self.shown = shown;
        add(&stats.samples.ingested, stored);
        add(&stats.samples.refused, refused);
        self.backend.targets.set(&self.target, Health { error: Some(error), last_scrape_ms: t, duration });
    }

    /// The target's labels win; a sample's own label of the same name is kept as `exported_NAME`.
    fn labels(&self, own: Vec<(String, String)>) -> Labels {
        let own = own.into_iter().map(|(name, value)| {
            let clash = self.target.labels.contains_key(&name);
            (if clash { format!("exported_{name}") } else { name }, value)
        });
        let target = self.target.labels.iter().map(|(k, v)| (k.clone(), v.clone()));
        Labels::new(own.chain(target))
    }

    /// The target is scraped no more: its series end here.
    fn end(&self, last: i64) {
        let t = now_ms().max(last + 1);
        let mut appender = self.backend.store.samples.appender();
        for id in &self.shown {
            let _ = appender.append_to(*id, t, stale());
        }
        for name in [
            "up",
            "scrape_duration_seconds",
            "scrape_samples_scraped",
            "scrape_samples_post_metric_relabeling",
            "scrape_series_added",
        ] {
            let _ = appender.append(&self.labels(vec![(NAME.to_owned(), name.to_owned())]), t, stale());
        }
    }
}

/// The innermost message: "connection refused" says more than "error sending request".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
