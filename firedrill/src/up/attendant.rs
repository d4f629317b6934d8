//! Attends a running stack: writes `run.json`, tells the addresses, the first trace, crashes, and a line that moves.

use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use query::Stack;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::MissedTickBehavior};

use super::{
    figures::{Figures, Red, resident_mb},
    first_trace,
    fleet::Fleet,
    settings::Settings,
};
use crate::{failure::Failure, load_control::LoadControl, ports, run_file::RunFile, supervisor::Event};

/// How often the status line moves.
const TICK: Duration = Duration::from_secs(1);

/// What is told of a stack, and what was learnt of it.
pub struct Attendant<'a> {
    settings: &'a Settings,
    run: RunFile,
    stack: Stack,
    load: Option<LoadControl>,
    ready_in: Duration,
    first_trace: Option<Duration>,
    status: StatusLine,
}

impl<'a> Attendant<'a> {
    /// For a fleet that has just become ready, this long after the start of the process.
    pub fn new(settings: &'a Settings, fleet: &Fleet, ready_in: Duration) -> Result<Self, Failure> {
        let urls = ports::STANDARD.iter().map(|(name, _)| ((*name).to_owned(), fleet.url(name)));
        let run = RunFile {
            version: env!("CARGO_PKG_VERSION").into(),
            stack: settings.stack.name().into(),
            started_at: jiff::Timestamp::now().to_string(),
            // No alert manager yet: the key is there so that readers can rely on it.
            urls: urls.chain([("alertmanager".to_owned(), None)]).collect(),
            pids: fleet.pids().clone(),
            admin_token: settings.admin_token.clone(),
        };
        let stack = crate::stack::of(&run)?;
        let load = match fleet.url("loadgen") {
            Some(base) => Some(LoadControl::new(&base, &settings.admin_token)?),
            None => None,
        };
        let status = StatusLine::default();
        Ok(Self { settings, run, stack, load, ready_in, first_trace: None, status })
    }

    /// Attends until the future is dropped; ends by itself only when `run.json` cannot be written.
    pub async fn attend(
        &mut self,
        fleet: &mut Fleet,
        events: &mut mpsc::UnboundedReceiver<Event>,
    ) -> Result<(), Failure> {
        self.write_run_file()?;
        self.announce();
        for path in fleet.set_aside() {
            self.status.say(&format!(
                "A damaged store file was set aside as {}; its part began anew.",
                path.display()
            ));
        }
        // Without traffic there is nothing to wait for.
        let mut first = self.load.is_some().then(|| Box::pin(first_trace::any(self.stack.clone())));
        let mut order =
            self.load.clone().map(|load| Box::pin(first_trace::of_an_order(load, self.stack.clone())));
        let ready = Instant::now();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                after = once(&mut first) => self.first_trace = Some(after),
                trace_id = once(&mut order) => {
                    self.status.say(&format!("An order from end to end: {}/trace/{trace_id}", self.run.url("console")?));
                }
                Some(event) = events.recv() => {
                    self.status.say(&tell(&event));
                    if let Event::Restarted { name, pid } = event {
                        fleet.restarted(name, pid);
                        self.run.pids = fleet.pids().clone();
                        self.write_run_file()?;
                    }
                }
                _ = tick.tick() => {
                    // An API that is restarting has nothing to tell; its crash was told.
                    if let Ok(red) = Red::now(&self.stack, ready.elapsed()).await {
                        self.status.show(&red.to_string());
                    }
                }
            }
        }
    }

    /// Clears the way for what is printed next.
    pub fn end_status_line(&mut self) {
        self.status.end();
    }

    /// Stops all that writes telemetry and says what the run came to. The backend goes on, for the caller to stop.
    pub async fn stop_and_sum_up(&self, fleet: &mut Fleet) -> Value {
        let status = match &self.load {
            Some(load) => load.status().await.unwrap_or_default(),
            None => Value::Null,
        };
        let rss_mb = resident_mb(fleet.pids());
        fleet.stop_all_but_backend().await;
        let figures = match self.run.url("prometheus") {
            Ok(url) => Figures::of_backend(url).await.unwrap_or_default(),
            Err(_) => Figures::default(),
        };
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

    fn write_run_file(&self) -> Result<(), Failure> {
        let path = self.settings.home.run_file();
        self.run.write(&path).map_err(|e| {
            Failure::environment(format!(
                "cannot write {}: {e}; free some space or name another --home",
                path.display()
            ))
        })
    }

    fn announce(&self) {
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
            format!("  OTLP             {} (HTTP), {} (gRPC)", url("otlp_http"), url("otlp_grpc")),
            String::new(),
        ];
        if let Some(load) = &self.settings.load {
            lines.push(format!("Traffic: {} at {} requests/s, seed {}", load.profile, load.rps, load.seed));
        } else {
            lines.push("No traffic (--no-load). Place an order:".into());
            lines.push(format!(
                "  curl -i {}/orders -H 'content-type: application/json' -d '{{\"user_id\":1,\"product_id\":101,\"quantity\":1}}'",
                url("order-service")
            ));
        }
        // Standard output may be a file or a pipe that went away; the stack runs on either way.
        let _ = writeln!(std::io::stdout(), "{}", lines.join("\n"));
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
    }
}

/// One line on a terminal that is overwritten; elsewhere nothing but what is said in whole lines.
#[derive(Default)]
struct StatusLine {
    shown: bool,
}

impl StatusLine {
    fn show(&mut self, text: &str) {
        let mut err = std::io::stderr();
        if err.is_terminal() {
            let _ = write!(err, "\r\x1b[2K{text}").and_then(|()| err.flush());
            self.shown = true;
        }
    }

    fn say(&mut self, text: &str) {
        self.clear();
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = writeln!(std::io::stderr());
        }
    }
}
