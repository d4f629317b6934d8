//! How each program of the real stack is started: its arguments, environment, addresses and readiness. Pure.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// One program and what it is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its name: the process's in `run.json` and in the names of its logs.
    pub name: &'static str,
    /// The listeners it binds, by the names of [`super::LISTENERS`].
    pub listeners: &'static [&'static str],
    /// The listener and path that answer 200 once it works.
    pub ready: (&'static str, &'static str),
    /// Its command line, without the program.
    pub arguments: Vec<OsString>,
    /// Environment on top of what `up` has.
    pub environment: BTreeMap<String, String>,
}

/// Where things are.
#[derive(Clone, Debug)]
pub struct Layout<'a> {
    /// The laid out configurations.
    pub configurations: &'a Path,
    /// Where the programs keep what they store.
    pub data: &'a Path,
    /// Every listener's address.
    pub addresses: &'a BTreeMap<String, SocketAddr>,
    /// How long telemetry is kept.
    pub retention: Duration,
    /// Whether the collector keeps only the traces that its tail sampling picks.
    pub tail_sampling: bool,
}

impl Layout<'_> {
    /// Everything, in the order of the start; none needs another one to become ready.
    pub fn starts(&self) -> [Start; 5] {
        [self.alertmanager(), self.prometheus(), self.loki(), self.jaeger(), self.collector()]
    }

    fn alertmanager(&self) -> Start {
        Start {
            name: "alertmanager",
            listeners: &["alertmanager"],
            ready: ("alertmanager", "/-/ready"),
            arguments: arguments(&[
                ("--config.file", self.configuration("stack/alertmanager/alertmanager.yaml")),
                ("--storage.path", self.store("alertmanager")),
                ("--web.listen-address", self.address("alertmanager")),
                ("--web.external-url", self.url("alertmanager")),
                // One instance has nobody to gossip with; empty turns that off.
                ("--cluster.listen-address", String::new()),
            ]),
            environment: BTreeMap::new(),
        }
    }

    fn prometheus(&self) -> Start {
        let mut arguments = arguments(&[
            ("--config.file", self.configuration("stack/prometheus/prometheus.yaml")),
            ("--storage.tsdb.path", self.store("prometheus")),
            ("--storage.tsdb.retention.time", format!("{}s", self.retention.as_secs().max(1))),
            ("--web.listen-address", self.address("prometheus")),
            // Without it, alerts link to the name of the machine, which may not resolve.
            ("--web.external-url", self.url("prometheus")),
            ("--enable-feature", "exemplar-storage".to_owned()),
        ]);
        arguments.extend(["--web.enable-remote-write-receiver".into(), "--web.enable-otlp-receiver".into()]);
        Start {
            name: "prometheus",
            listeners: &["prometheus"],
            ready: ("prometheus", "/-/ready"),
            arguments,
            environment: BTreeMap::new(),
        }
    }

    fn loki(&self) -> Start {
        Start {
            name: "loki",
            listeners: &["loki", "loki_grpc"],
            ready: ("loki", "/ready"),
            arguments: vec![
                format!("-config.file={}", self.configuration("stack/loki/loki.yaml")).into(),
                "-config.expand-env=true".into(),
            ],
            environment: environment(&[
                ("LOKI_HOST", self.host("loki")),
                ("LOKI_PORT", self.port("loki")),
                ("LOKI_GRPC_PORT", self.port("loki_grpc")),
                ("LOKI_DATA_DIR", self.store("loki")),
            ]),
        }
    }

    fn jaeger(&self) -> Start {
        Start {
            name: "jaeger",
            listeners: &["jaeger", "jaeger_grpc", "jaeger_otlp", "jaeger_health", "jaeger_metrics"],
            ready: ("jaeger_health", "/status"),
            arguments: vec!["--config".into(), self.configuration("stack/jaeger/jaeger.yaml").into()],
            environment: environment(&[
                ("JAEGER_QUERY_ADDRESS", self.address("jaeger")),
                ("JAEGER_QUERY_GRPC_ADDRESS", self.address("jaeger_grpc")),
                ("JAEGER_OTLP_GRPC_ADDRESS", self.address("jaeger_otlp")),
                ("JAEGER_HEALTH_ADDRESS", self.address("jaeger_health")),
                ("JAEGER_METRICS_HOST", self.host("jaeger_metrics")),
                ("JAEGER_METRICS_PORT", self.port("jaeger_metrics")),
                ("PROMETHEUS_URL", self.url("prometheus")),
            ]),
        }
    }

    fn collector(&self) -> Start {
        let mut arguments: Vec<OsString> =
            vec!["--config".into(), self.configuration("otel-collector/config.yaml").into()];
        if self.tail_sampling {
            let overlay = self.configuration("otel-collector/tail-sampling.yaml");
            arguments.extend(["--config".into(), overlay.into()]);
        }
        // A random instance id in every series makes each restart of the collector a new set of series.
        arguments.push("--feature-gates=-connector.spanmetrics.includeCollectorInstanceID".into());
        Start {
            name: "otelcol",
            listeners: &[
                "otlp_grpc",
                "otlp_http",
                "collector_health",
                "collector_metrics",
                "connectors_metrics",
            ],
            ready: ("collector_health", "/"),
            arguments,
            environment: environment(&[
                ("OTLP_GRPC_ADDRESS", self.address("otlp_grpc")),
                ("OTLP_HTTP_ADDRESS", self.address("otlp_http")),
                ("COLLECTOR_HEALTH_ADDRESS", self.address("collector_health")),
                ("COLLECTOR_METRICS_HOST", self.host("collector_metrics")),
                ("COLLECTOR_METRICS_PORT", self.port("collector_metrics")),
                ("CONNECTORS_METRICS_ADDRESS", self.address("connectors_metrics")),
                ("JAEGER_OTLP_ADDRESS", self.address("jaeger_otlp")),
                ("LOKI_OTLP_URL", format!("{}/otlp", self.url("loki"))),
                ("COLLECTOR_DATA_DIR", self.store("otelcol")),
            ]),
        }
    }

    fn configuration(&self, name: &str) -> String {
        self.configurations.join(name).display().to_string()
    }

    fn store(&self, name: &str) -> String {
        let path: PathBuf = self.data.join(name);
        path.display().to_string()
    }

    fn of(&self, listener: &str) -> Option<&SocketAddr> {
        self.addresses.get(listener)
    }

    fn address(&self, listener: &str) -> String {
        self.of(listener).map(ToString::to_string).unwrap_or_default()
    }

    fn url(&self, listener: &str) -> String {
        format!("http://{}", self.address(listener))
    }

    fn host(&self, listener: &str) -> String {
        self.of(listener).map(|address| address.ip().to_string()).unwrap_or_default()
    }

    fn port(&self, listener: &str) -> String {
        self.of(listener).map(|address| address.port().to_string()).unwrap_or_default()
    }
}

fn arguments(pairs: &[(&str, String)]) -> Vec<OsString> {
    pairs.iter().map(|(name, value)| format!("{name}={value}").into()).collect()
}

fn environment(pairs: &[(&str, String)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_of_the_table_is_bound_by_exactly_one_program() {
        let addresses: BTreeMap<String, SocketAddr> = super::super::LISTENERS
            .iter()
            .map(|(name, port)| ((*name).to_owned(), SocketAddr::from(([127, 0, 0, 1], *port))))
            .collect();
        let layout = Layout {
            configurations: Path::new("/c"),
            data: Path::new("/d"),
            addresses: &addresses,
            retention: Duration::from_secs(60),
            tail_sampling: false,
        };
        let mut bound: Vec<&str> =
            layout.starts().iter().flat_map(|start| start.listeners).copied().collect();
        bound.sort_unstable();
        let mut known: Vec<&str> = super::super::LISTENERS.iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        assert_eq!(bound, known);
        // What a program is told to bind is what is waited for.
        for start in layout.starts() {
            assert!(start.listeners.contains(&start.ready.0), "{}", start.name);
            let said = format!("{:?} {:?}", start.arguments, start.environment);
            for listener in start.listeners {
                let port = addresses[*listener].port().to_string();
                assert!(said.contains(&port), "{}: {listener} on {port} is not in {said}", start.name);
            }
        }
    }
}
