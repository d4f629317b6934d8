//! The telemetry backend as a child: its settings come from the environment.

use std::{path::PathBuf, time::Duration};

use backend::{Config, Listeners, RuleFiles, Screen};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::{
    environment::{number, plain_log, text},
    said,
};
use crate::{
    failure::{Code, Failure},
    home::ELSEWHERE,
};

/// Serves until `stop`.
pub(super) async fn run(
    mut take: impl FnMut(&str) -> Result<TcpListener, Failure>,
    alone: bool,
    stop: CancellationToken,
) -> Result<(), Failure> {
    plain_log(std::io::stdout, "info");
    let config = Config {
        data_dir: text("BACKEND_DATA_DIR")?.into(),
        retention: Duration::from_secs(number("BACKEND_RETENTION_S")?),
        scrape_file: std::env::var_os("BACKEND_SCRAPE_FILE").map(Into::into),
        rules: RuleFiles::read(several("BACKEND_RULE_FILES"))
            .map_err(|wrong| Failure::environment(format!("the rules cannot be used: {wrong}")))?,
        alertmanagers: addresses("BACKEND_ALERTMANAGERS"),
        alertmanager_file: std::env::var_os("BACKEND_ALERTMANAGER_FILE").map(Into::into),
        // Without a parent, whoever reads the log reads them there.
        screen: if alone { Screen::default() } else { Screen::new(said::say) },
        ..Config::default()
    };
    let elsewhere = if alone { "set BACKEND_DATA_DIR to another place" } else { ELSEWHERE };
    serve(listeners(&mut take)?, config, elsewhere, stop).await
}

/// Paths, separated as those of `PATH` are.
fn several(name: &str) -> Vec<PathBuf> {
    let paths = std::env::var_os(name).unwrap_or_default();
    std::env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// Addresses, separated by commas.
fn addresses(name: &str) -> Vec<String> {
    let text = std::env::var(name).unwrap_or_default();
    text.split(',').map(str::trim).filter(|address| !address.is_empty()).map(str::to_owned).collect()
}

/// Takes the six listeners by their names.
pub fn listeners(take: &mut impl FnMut(&str) -> Result<TcpListener, Failure>) -> Result<Listeners, Failure> {
    Ok(Listeners {
        otlp_grpc: take("otlp_grpc")?,
        otlp_http: take("otlp_http")?,
        prometheus: take("prometheus")?,
        loki: take("loki")?,
        jaeger: take("jaeger")?,
        alertmanager: take("alertmanager")?,
    })
}

/// Serves with the given settings until `stop`. `elsewhere` says how a person places the data somewhere else.
///
/// Where no Alertmanagers are named, the built-in one is told of alerts.
pub async fn serve(
    listeners: Listeners,
    mut config: Config,
    elsewhere: &str,
    stop: CancellationToken,
) -> Result<(), Failure> {
    if config.alertmanagers.is_empty() {
        config
            .alertmanagers
            .extend(listeners.alertmanager.local_addr().ok().map(|own| format!("http://{own}")));
    }
    backend::run(listeners, config, async move { stop.cancelled().await }).await.map_err(|error| {
        let code = if error.is_environment() { Code::Environment } else { Code::NotGood };
        Failure { code, message: error.told(elsewhere) }
    })
}
