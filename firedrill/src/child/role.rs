//! The roles that this program can have as a child of `up`.

pub mod backend;
mod console;
mod loadgen;
mod service;

use std::{collections::BTreeMap, net::SocketAddr};

use tokio::net::TcpListener;

use super::{lifeline, listening::Listening};
use crate::{
    cli::Run,
    failure::{Code, Failure, Outcome},
    ports, runtime,
};

/// One process of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[expect(missing_docs, reason = "each is named after its crate, whose documentation says what it does")]
pub enum Role {
    Backend,
    UserService,
    ProductService,
    OrderService,
    Console,
    Loadgen,
}

impl Role {
    /// All of them, in the order of their start.
    pub const ALL: [Self; 6] = [
        Self::Backend,
        Self::UserService,
        Self::ProductService,
        Self::OrderService,
        Self::Console,
        Self::Loadgen,
    ];

    /// The process's name: the package's and, where it has one, the service's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::UserService => "user-service",
            Self::ProductService => "product-service",
            Self::OrderService => "order-service",
            Self::Console => "console",
            Self::Loadgen => "loadgen",
        }
    }

    /// The listeners it binds.
    pub fn listeners(self) -> &'static [&'static str] {
        match self {
            Self::Backend => &["otlp_grpc", "otlp_http", "prometheus", "loki", "jaeger", "alertmanager"],
            Self::UserService => &["user-service", "user-service-settings"],
            Self::ProductService => &["product-service", "product-service-settings"],
            Self::OrderService => &["order-service", "order-service-settings"],
            Self::Console => &["console"],
            Self::Loadgen => &["loadgen"],
        }
    }

    /// The listener and path that answer 200 when it is ready.
    pub fn ready(self) -> (&'static str, &'static str) {
        match self {
            Self::Backend => ("prometheus", "/-/ready"),
            Self::Console => ("console", "/healthz"),
            Self::Loadgen => ("loadgen", "/metrics"),
            _ => (self.name(), "/ready"),
        }
    }

    /// Whether it sends traces and logs.
    pub fn emits_telemetry(self) -> bool {
        matches!(self, Self::UserService | Self::ProductService | Self::OrderService | Self::Loadgen)
    }
}

/// Binds, says where, and does the role's work until the parent closes the lifeline; without a parent, until asked to
/// terminate.
pub fn run(options: &Run) -> Outcome {
    if options.role == Role::Backend {
        super::priority::behind_the_services();
    }
    if !options.alone {
        lifeline::go_on_without_parent();
    }
    let runtime = runtime::start()?;
    let outcome = runtime.block_on(async {
        let stop = if options.alone { lifeline::without_parent() } else { lifeline::watch() };
        let mut listeners = bind(options).await?;
        let listening =
            listeners.iter().filter_map(|(name, l)| Some((name.clone(), l.local_addr().ok()?))).collect();
        Listening { listening, pid: None }.announce();
        let mut take = |name: &str| {
            listeners
                .remove(name)
                .ok_or_else(|| Failure::arguments(format!("--listen {name}=ADDRESS is missing")))
        };
        match options.role {
            Role::Backend => backend::run(take, options.alone, stop).await?,
            Role::Console => console::run(take("console")?, stop).await?,
            Role::Loadgen => loadgen::run(take("loadgen")?, options.alone, stop).await?,
            Role::UserService | Role::ProductService | Role::OrderService => {
                let name = options.role.name();
                // Who runs a service alone may do without.
                let settings = take(&settings_of(name)).ok();
                service::run(options.role, take(name)?, settings, options.alone, stop).await?;
            }
        }
        Ok(Code::Good)
    });
    // Whatever still runs has been given its time to drain; a stuck blocking thread must not hold the exit.
    runtime.shutdown_background();
    outcome
}

/// The name of the listener of a service's settings.
pub fn settings_of(service: &str) -> String {
    format!("{service}-settings")
}

async fn bind(options: &Run) -> Result<BTreeMap<String, TcpListener>, Failure> {
    let mut bound = BTreeMap::new();
    let given: BTreeMap<&String, &SocketAddr> =
        options.listen.iter().map(|(name, address)| (name, address)).collect();
    for (name, address) in given {
        let listener = TcpListener::bind(address).await.map_err(|e| ports::taken(name, *address, &e))?;
        bound.insert(name.clone(), listener);
    }
    Ok(bound)
}
