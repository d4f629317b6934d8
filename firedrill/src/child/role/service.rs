//! The three services as children: configuration from the environment, telemetry, serve, drain.

use chassis::{
    env::ConfigError,
    serve::Listeners,
    settings::Access,
    start::{self, StartError},
};
use telemetry::Metrics;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{super::environment::text, Role};
use crate::{
    failure::{Code, Failure},
    home::ELSEWHERE,
};

/// Serves one of the services until `stop`; its settings too, where they have a listener.
pub(super) async fn run(
    role: Role,
    public: TcpListener,
    settings: Option<TcpListener>,
    alone: bool,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let token = settings.is_some().then(|| text("ADMIN_TOKEN")).transpose()?;
    let stopped = async move { stop.cancelled().await };
    let listeners = |telemetry: &telemetry::Config| Listeners {
        public,
        settings: settings.zip(token).map(|(listener, token)| Access {
            listener,
            token,
            version: telemetry.service_version.clone(),
            instance: telemetry.instance_id.clone(),
        }),
    };
    let wrong = |error: ConfigError| Failure::arguments(error.to_string());
    match role {
        Role::UserService => {
            let config = user_service::Config::from_env(lookup).map_err(wrong)?;
            let run = |listeners: Listeners, metrics| user_service::run(listeners, config, metrics, stopped);
            serve(user_service::NAME, user_service::VERSION, alone, listeners, run).await
        }
        Role::ProductService => {
            let config = product_service::Config::from_env(lookup).map_err(wrong)?;
            let run =
                |listeners: Listeners, metrics| product_service::run(listeners, config, metrics, stopped);
            serve(product_service::NAME, product_service::VERSION, alone, listeners, run).await
        }
        Role::OrderService => {
            let config = order_service::Config::from_env(lookup).map_err(wrong)?;
            let run = |listeners: Listeners, metrics| order_service::run(listeners, config, metrics, stopped);
            serve(order_service::NAME, order_service::VERSION, alone, listeners, run).await
        }
        other => Err(Failure::arguments(format!("{} is no service", other.name()))),
    }
}

fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Telemetry around a service: set up before, drained after, on the error path too.
async fn serve<F>(
    name: &str,
    version: &str,
    alone: bool,
    listeners: impl FnOnce(&telemetry::Config) -> Listeners,
    run: impl FnOnce(Listeners, Metrics) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let config = telemetry::Config::from_env(name, version).map_err(|e| Failure::arguments(e.to_string()))?;
    let listeners = listeners(&config);
    let telemetry = telemetry::init(config).map_err(|e| Failure::environment(e.to_string()))?;
    let served = run(listeners, telemetry.metrics().clone()).await;
    telemetry.shutdown().await;
    served.map_err(|error| refused(&error, alone))
}

/// What stopped a service. Who starts it `alone` places its database by a variable; `up` sets that itself, so there the home is
/// what a person can change.
fn refused(error: &anyhow::Error, alone: bool) -> Failure {
    let code = match start::exit_code(error) {
        2 => Code::BadArguments,
        3 => Code::Environment,
        _ => Code::NotGood,
    };
    let message = match error.chain().find_map(|cause| cause.downcast_ref()) {
        Some(StartError::Database(unopened)) if !alone => unopened.told(ELSEWHERE),
        Some(StartError::Settings(unusable)) if !alone => unusable.told(ELSEWHERE),
        _ => format!("{error:#}"),
    };
    Failure { code, message }
}
