//! Attends a running stack: writes `run.json`, tells the addresses, the first trace, crashes, damaged and deleted files, a disk
//! that is full, and a line that moves.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use query::Stack;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::MissedTickBehavior};

use super::{
    disk::{Disk, Writes},
    environment,
    figures::{Figures, Red, database_writes, resident_mb},
    first_trace,
    fleet::Fleet,
    settings::{Backends, Settings},
    stores::Stores,
    terminal::{self, Terminal},
};
use crate::{
    failure::Failure,
    load_control::LoadControl,
    run_file::{self, RunFile},
    supervisor::Event,
};

/// How often the stack is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Longest wait for the load generator's figures when everything is about to stop.
const LAST_ANSWER: Duration = Duration::from_secs(2);

/// What is told of a stack, and what was learnt of it.
pub struct Attendant<'a> {
    settings: &'a Settings,
    run: RunFile,
    stack: Stack,
    load: Option<LoadControl>,
    ready_in: Duration,
    first_trace: Option<Duration>,
    disk: Disk,
    stores: Stores,
    /// Why `run.json` is not up to date.
    outdated: Option<Failure>,
    terminal: Terminal,
}

impl<'a> Attendant<'a> {
    /// For a fleet that has just become ready, this long after the start of the process.
    pub fn new(settings: &'a Settings, fleet: &Fleet, ready_in: Duration) -> Result<Self, Failure> {
        let urls = run_file::urls(|name| fleet.url(name));
        let run = RunFile::new(settings.backends.name(), urls, fleet.pids(), settings.admin_token.clone())
            .with_admin_urls(fleet.admin_urls());
        let stack = crate::stack::of(&run)?;
        let load = match fleet.url("loadgen") {
            Some(base) => Some(LoadControl::new(&base, &settings.admin_token)?),
            None => None,
        };
        Ok(Self {
            settings,
            run,
            stack,
            load,
            ready_in,
            first_trace: None,
            disk: Disk::new(settings.home.data()),
            stores: Stores::of(settings.home.data()),
            outdated: None,
            terminal: Terminal::default(),
        })
    }

    /// Attends until the future is dropped; ends by itself only when `run.json` cannot be written.
    pub async fn attend(
        &mut self,
        fleet: &mut Fleet,
        events: &mut mpsc::UnboundedReceiver<Event>,
    ) -> Result<(), Failure> {
        self.run.write(&self.settings.home.run_file())?;
        self.announce();
        self.tell_set_aside(fleet);
        // Without traffic there is nothing to wait for.
        let mut first = self.load.is_some().then(|| Box::pin(first_trace::any(self.stack.clone())));
        let mut order =
            self.load.clone().map(|load| Box::pin(first_trace::of_an_order(load, self.stack.clone())));
        let ready = Instant::now();
        // Only the embedded backend says there whether its disk takes data; the pages of the others are large.
        let figures_at = match &self.settings.backends {
            Backends::Embedded => fleet.figures_at(),
            Backends::Native { .. } | Backends::External(_) => Vec::new(),
        };
        let mut look = None;
        let mut routes = std::pin::pin!(fleet.keep_routes());
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                after = once(&mut first) => self.first_trace = Some(after),
                trace_id = once(&mut order) => {
                    self.terminal.say(&format!("An order from end to end: {}/trace/{trace_id}", self.run.url("console")?));
                }
                Some(event) = events.recv() => {
                    self.terminal.say(&tell(&event));
                    if matches!(event, Event::Restarted { .. } | Event::Changed { .. }) {
                        self.run.pids = fleet.pids();
                        self.update_run_file();
                    }
                    self.tell_set_aside(fleet);
                }
                seen = once(&mut look) => {
                    self.tell_seen(&seen);
                    self.tell_set_aside(fleet);
                    self.look_after_home();
                }
                () = &mut routes => {}
                // A look that takes longer keeps nothing else waiting.
                _ = tick.tick(), if look.is_none() => {
                    look = Some(Box::pin(Seen::now(self.stack.clone(), figures_at.clone(), ready.elapsed())));
                }
            }
        }
    }

    fn tell_seen(&mut self, seen: &Seen) {
        let telemetry = seen.backend.as_ref().and_then(|figures| self.disk.telemetry(figures.disk_refuses));
        let databases =
            seen.databases.iter().filter_map(|(service, writes)| self.disk.database(service, *writes));
        for news in telemetry.into_iter().chain(databases) {
            self.terminal.warn(&news);
        }
        if let Some(red) = &seen.red {
            self.terminal.show(&red.to_string());
        }
    }

    fn tell_set_aside(&mut self, fleet: &mut Fleet) {
        for path in fleet.set_aside.news() {
            self.terminal.say(&format!(
                "A damaged store file was set aside as {}; its part goes on without it.",
                path.display()
            ));
        }
    }

    /// What was deleted under the stack: the stores are told, the run file is written again.
    fn look_after_home(&mut self) {
        if let Some(news) = self.stores.look() {
            self.terminal.warn(&news);
        }
        let path = self.settings.home.run_file();
        let is_gone = !path.exists();
        if is_gone || self.outdated.is_some() {
            self.update_run_file();
        }
        if is_gone && self.outdated.is_none() {
            self.terminal.warn(&format!("{} was deleted while the stack runs, and is written again: by it the other commands find the stack", path.display()));
        }
    }

    /// The stack runs on without: a full disk must not end it. Told once, and tried again with each look.
    fn update_run_file(&mut self) {
        let failed = self.run.write(&self.settings.home.run_file()).err();
        if let (None, Some(failure)) = (&self.outdated, &failed) {
            self.terminal.warn(&failure.message);
        }
        self.outdated = failed;
    }

    /// Clears the way for what is printed next.
    pub fn end_status_line(&mut self) {
        self.terminal.end();
    }

    /// Says at once that a request to stop was heard: what follows may take its time.
    pub fn tell_stopping(&self) {
        terminal::warn("Stopping. Ctrl-C again ends everything at once.");
    }

    /// Stops all that writes telemetry and says what the run came to. The backend goes on, for the caller to stop.
    ///
    /// Parts that do not answer cost the figures they would give, and no more than a few seconds.
    pub async fn stop_and_sum_up(&self, fleet: &mut Fleet) -> Value {
        let at_once = fleet.at_once();
        let status = match &self.load {
            Some(load) => {
                let asked = tokio::time::timeout(LAST_ANSWER, load.status());
                let answer = at_once.run_until_cancelled(asked).await;
                answer.and_then(Result::ok).and_then(Result::ok).unwrap_or_default()
            }
            None => Value::Null,
        };
        let rss_mb = resident_mb(&fleet.pids());
        fleet.stop_all_but_backends().await;
        let figures_at = fleet.figures_at();
        let figures = at_once.run_until_cancelled(Figures::of_backends(&figures_at)).await;
        let figures = figures.and_then(Result::ok).unwrap_or_default();
        json!({
            "ready_ms": self.ready_in.as_millis(),
            "first_trace_ms": self.first_trace.map(|after| after.as_millis()),
            "requests": status["fired"].as_u64().unwrap_or(0),
            "failed": status["failed"].as_u64().unwrap_or(0),
            "spans": figures.spans,
            "log_lines": figures.log_lines,
            "series": figures.series,
            "rss_mb": rss_mb,
            "urls": self.run.urls,
        })
    }

    fn announce(&mut self) {
        let url = |name: &str| self.run.urls.get(name).cloned().flatten().unwrap_or_default();
        let mut lines = vec![
            format!("Ready in {} ms. Ctrl-C stops everything.", self.ready_in.as_millis()),
            String::new(),
            format!("  Console          {}", url("console")),
            format!("  order-service    {}   POST /orders", url("order-service")),
            format!("  user-service     {}", url("user-service")),
            format!("  product-service  {}", url("product-service")),
            format!("  Prometheus API   {}", url("prometheus")),
            format!("  Loki API         {}", url("loki")),
            format!("  Jaeger API       {}", url("jaeger")),
            match url("otlp_grpc").as_str() {
                "" => format!("  OTLP             {} (HTTP)", url("otlp_http")),
                grpc => format!("  OTLP             {} (HTTP), {grpc} (gRPC)", url("otlp_http")),
            },
        ];
        if let Some(alertmanager) = self.run.urls.get("alertmanager").cloned().flatten() {
            lines.push(format!("  Alertmanager     {alertmanager}"));
        }
        if self.settings.backends.name() == "external" {
            lines.push(format!(
                "  Metrics          let that Prometheus scrape what its file_sd finds in {}",
                self.settings.home.scrape_file().display()
            ));
        }
        lines.push(String::new());
        if let Some(load) = &self.settings.load {
            lines.push(format!("Traffic: {} at {} requests/s, seed {}", load.profile, load.rps, load.seed));
        } else {
            lines.push("No traffic (--no-load). Place an order:".into());
            lines.push(format!(
                "  curl -i {}/orders -H 'content-type: application/json' -d '{{\"user_id\":1,\"product_id\":101,\"quantity\":1}}'",
                url("order-service")
            ));
        }
        self.terminal.say(&lines.join("\n"));
        for line in environment::overruled(|name| std::env::var(name).ok()) {
            self.terminal.warn(&line);
        }
    }
}

/// What one look at the stack saw. A part that is restarting has nothing to tell; its crash was told.
struct Seen {
    red: Option<Red>,
    backend: Option<Figures>,
    databases: BTreeMap<String, Writes>,
}

impl Seen {
    async fn now(stack: Stack, figures_at: Vec<String>, up: Duration) -> Self {
        let (red, backend, databases) =
            tokio::join!(Red::now(&stack, up), Figures::of_backends(&figures_at), database_writes(&stack));
        Self { red: red.ok(), backend: backend.ok(), databases: databases.unwrap_or_default() }
    }
}

/// Waits for what is not here yet, and for ever once it was.
async fn once<F: Future + Unpin>(waiting: &mut Option<F>) -> F::Output {
    let Some(future) = waiting else { return std::future::pending().await };
    let output = future.await;
    *waiting = None;
    output
}

fn tell(event: &Event) -> String {
    match event {
        Event::Crashed { name, ended, restart_in } => {
            format!("{name} ended ({ended}); it starts again in {} ms", restart_in.as_millis())
        }
        Event::Restarted { name, pid } => format!("{name} runs again (pid {pid})"),
        Event::Said { line, .. } | Event::Changed { line } => line.clone(),
    }
}
