//! `firedrill backend`: the telemetry backend alone, in this process, for any program that speaks OTLP.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write as _,
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{output, signal};
use crate::{
    child::{
        environment::plain_log,
        role::{self, Role},
    },
    cli::Backend,
    failure::{Code, Failure, Outcome},
    home::{self, Home},
    ports,
    run_file::{self, RunFile},
    supervisor::readiness,
    up::Backends,
};

/// Serves until Ctrl-C.
pub(super) async fn run(home: &Home, options: &Backend, json: bool) -> Outcome {
    // What the backend warns of is for the person at the terminal: here it has no log file.
    plain_log(std::io::stderr, "warn");
    if let Some(scrape) = &options.scrape {
        backend::check_scrape_file(scrape)
            .map_err(|wrong| Failure::arguments(format!("--scrape {wrong}")))?;
    }
    let rules = backend::RuleFiles::read(options.rules.clone())
        .map_err(|wrong| Failure::arguments(format!("--rules {wrong}")))?;
    if let Some(file) = &options.alertmanager_file {
        backend::check_alertmanager_file(file)
            .map_err(|wrong| Failure::arguments(format!("--alertmanager-file {wrong}")))?;
    }
    // As with `up`: the owner is told first, and a start that is refused makes no home.
    if !home.is_owned() {
        options.ports.check(Role::Backend.listeners())?;
    }
    let _owner = home.own()?;
    let _ = std::fs::remove_file(home.run_file());
    let mut listeners = HashMap::new();
    let mut addresses = BTreeMap::new();
    let (ready, ready_path) = Role::Backend.ready();
    let mut ready_at = options.ports.address(ready);
    for name in Role::Backend.listeners() {
        let address = options.ports.address(name);
        let listener = TcpListener::bind(address).await.map_err(|e| ports::taken(name, address, &e))?;
        let bound = listener.local_addr().map_err(|e| ports::taken(name, address, &e))?;
        if *name == ready {
            ready_at = bound;
        }
        addresses.insert(*name, format!("http://{bound}"));
        listeners.insert(*name, listener);
    }
    let mut take = |name: &str| {
        listeners
            .remove(name)
            .ok_or_else(|| Failure::environment(format!("the listener {name} was not bound")))
    };
    let config = backend::Config {
        data_dir: home.data().join("telemetry"),
        retention: options.retention,
        scrape_file: options.scrape.clone(),
        rules,
        alertmanagers: options.alertmanager.clone(),
        alertmanager_file: options.alertmanager_file.clone(),
        // The one object of --json has standard output for itself.
        screen: backend::Screen::new(move |line| match json {
            true => drop(writeln!(std::io::stderr(), "{line}")),
            false => output::print(line),
        }),
        ..backend::Config::default()
    };
    let pids = BTreeMap::from([("backend".to_owned(), std::process::id())]);
    let urls = run_file::urls(|name| addresses.get(name).cloned());
    let run = RunFile::new(Backends::Embedded.name(), urls, pids, run_file::fresh_token());

    let stop = CancellationToken::new();
    let mut asked = signal::StopAsked::listen()?;
    let serve =
        role::backend::serve(role::backend::listeners(&mut take)?, config, home::ELSEWHERE, stop.clone());
    tokio::pin!(serve);
    // Nobody is told where to send before the store is open: it may turn out that it cannot be opened.
    tokio::select! {
        ended = &mut serve => return ended.map(|()| Code::Good),
        () = readiness::wait(ready_at, ready_path) => {}
    }
    let path = home.run_file();
    run.write(&path)?;
    if json {
        output::json(&serde_json::json!({"urls": run.urls}));
    } else {
        let url = |name: &str| run.url(name).unwrap_or_default().to_owned();
        output::print(&format!(
            "The telemetry backend listens. Ctrl-C stops it.\n\n  OTLP            {} (HTTP), {} (gRPC)\n  Prometheus API  {}\n  Loki API        {}\n  Jaeger API      {}\n  Alertmanager    {}",
            url("otlp_http"),
            url("otlp_grpc"),
            url("prometheus"),
            url("loki"),
            url("jaeger"),
            url("alertmanager")
        ));
    }
    let served = tokio::select! {
        served = &mut serve => served,
        never = run.keep(&path) => match never {},
        () = asked.asked() => {
            stop.cancel();
            serve.await
        }
    };
    let _ = std::fs::remove_file(&path);
    served.map(|()| Code::Good)
}
