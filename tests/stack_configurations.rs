//! The real stack's configurations: accepted by the programs that read them, closed to the outside, and at one with each
//! other, with the ports and with the versions.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::Output,
};

use firedrill::ports::{self, STANDARD};
use rustix::process::Signal;
use telemetry::metrics::DURATION_BUCKETS;

use crate::harness::{PATIENCE, alive, checkout, eventually, native, said, signal};

const COLLECTOR: [&str; 3] =
    ["otel-collector/config.yaml", "otel-collector/tail-sampling.yaml", "otel-collector/print.yaml"];
const OTHERS: [&str; 5] = [
    "stack/jaeger/jaeger.yaml",
    "stack/jaeger/badger.yaml",
    "stack/loki/loki.yaml",
    "stack/prometheus/prometheus.yaml",
    "stack/alertmanager/alertmanager.yaml",
];
/// Made by `firedrill slo generate`; they lie beside Prometheus' configuration.
const RULES: &str = "slo/rules";

/// What the collector is built from: the section of builder.yaml and of a configuration, the Go package, and the name
/// that the component has in a configuration.
const COMPONENTS: [(&str, &str, &str); 14] = [
    ("receivers", "otlpreceiver", "otlp"),
    ("processors", "memorylimiterprocessor", "memory_limiter"),
    ("processors", "batchprocessor", "batch"),
    ("processors", "resourceprocessor", "resource"),
    ("processors", "transformprocessor", "transform"),
    ("processors", "tailsamplingprocessor", "tail_sampling"),
    ("exporters", "otlpexporter", "otlp_grpc"),
    ("exporters", "otlphttpexporter", "otlp_http"),
    ("exporters", "debugexporter", "debug"),
    ("exporters", "prometheusexporter", "prometheus"),
    ("connectors", "spanmetricsconnector", "span_metrics"),
    ("connectors", "servicegraphconnector", "service_graph"),
    ("extensions", "healthcheckextension", "health_check"),
    ("extensions", "filestorage", "file_storage"),
];

/// The parts of a collector's configuration that define components.
const SECTIONS: [&str; 5] = ["receivers", "processors", "exporters", "connectors", "extensions"];

fn read(file: &str) -> String {
    std::fs::read_to_string(checkout().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The file's lines without their comments.
fn lines(file: &str) -> Vec<String> {
    let text = read(file);
    let code = |line: &str| match line.trim_start().starts_with('#') {
        true => String::new(),
        false => line.split(" #").next().unwrap_or_default().trim_end().to_owned(),
    };
    text.lines().map(code).filter(|line| !line.is_empty()).collect()
}

/// The files of rules.
fn rules() -> Vec<String> {
    let entries = std::fs::read_dir(checkout().join(RULES)).expect("the rules").flatten();
    entries.map(|entry| format!("{RULES}/{}", entry.file_name().to_string_lossy())).collect()
}

/// The names one level below a key of the outermost level.
fn entries(file: &str, section: &str) -> BTreeSet<String> {
    let all = lines(file);
    let inside = all.iter().skip_while(|line| **line != format!("{section}:")).skip(1);
    let inside = inside.take_while(|line| line.starts_with(' '));
    let names = inside.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    names.filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect()
}

/// Each variable of the environment that a file reads, with its default.
fn defaults(file: &str) -> BTreeMap<String, String> {
    let text = lines(file).join("\n");
    let found = text.split("${").skip(1).map(|rest| {
        let inside = rest.split('}').next().unwrap_or_default();
        let inside = inside.strip_prefix("env:").unwrap_or(inside);
        let (name, default) =
            inside.split_once(":-").unwrap_or_else(|| panic!("{file}: {inside} has no default"));
        (name.to_owned(), default.to_owned())
    });
    found.collect()
}

fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

fn path(file: &str) -> String {
    checkout().join(file).to_string_lossy().into_owned()
}

#[test]
fn every_address_is_loopback_and_at_the_documented_port() {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for file in COLLECTOR.into_iter().chain(OTHERS) {
        for (name, default) in defaults(file) {
            let known = all.entry(name.clone()).or_insert_with(|| default.clone());
            assert_eq!(*known, default, "{name} in {file} and elsewhere");
        }
        for word in lines(file).join(" ").split(|c: char| !c.is_ascii_alphanumeric() && c != '.') {
            let numbers = word.split('.').filter(|part| part.parse::<u8>().is_ok()).count();
            assert!(numbers != 4 || word == "127.0.0.1", "{file} names {word}");
            assert_ne!(word, "localhost", "{file}: it may be the other loopback, where nobody listens");
        }
    }
    let standard: BTreeMap<&str, u16> = STANDARD.into();
    let readme = read("stack/README.md");
    for (name, default) in &all {
        let expected = match name.as_str() {
            "OTLP_GRPC_ADDRESS" => Some(standard["otlp_grpc"]),
            "OTLP_HTTP_ADDRESS" => Some(standard["otlp_http"]),
            "JAEGER_QUERY_ADDRESS" => Some(standard["jaeger"]),
            "PROMETHEUS_URL" => Some(standard["prometheus"]),
            "LOKI_PORT" | "LOKI_OTLP_URL" => Some(standard["loki"]),
            _ => None,
        };
        if name.ends_with("_HOST") {
            assert_eq!(default, "127.0.0.1", "{name}");
        } else if ["_ADDRESS", "_PORT", "_URL"].iter().any(|end| name.ends_with(end)) {
            let address = default.strip_prefix("http://").unwrap_or(default);
            let address = address.split('/').next().unwrap_or_default();
            let port = match name.ends_with("_PORT") {
                true => address,
                false => address.strip_prefix("127.0.0.1:").unwrap_or_else(|| panic!("{name}={default}")),
            };
            let number: u16 = port.parse().unwrap_or_else(|e| panic!("{name}={default}: {e}"));
            assert_eq!(number, expected.unwrap_or(number), "{name}");
            assert!(readme.contains(&format!("| {number} |")), "stack/README.md lacks port {number}, {name}");
        }
    }
    assert_eq!(all["JAEGER_OTLP_ADDRESS"], all["JAEGER_OTLP_GRPC_ADDRESS"], "the two ends of one connection");
    assert_eq!(all["LOKI_OTLP_URL"], format!("http://127.0.0.1:{}/otlp", all["LOKI_PORT"]));
}

#[test]
fn every_process_is_scraped_once_at_the_port_that_it_has() {
    let standard: BTreeMap<&str, u16> = STANDARD.into();
    let port = |variable: &str| {
        let all = COLLECTOR.into_iter().chain(OTHERS).map(defaults);
        let value = all.filter_map(|mut d| d.remove(variable)).next().expect(variable);
        value.rsplit(':').next().and_then(|p| p.parse().ok()).expect("a port")
    };
    let mut expected: BTreeMap<String, u16> =
        ["user-service", "product-service", "order-service", "loadgen", "prometheus", "loki"]
            .map(|job| (job.to_owned(), standard[job]))
            .into();
    expected.insert("otelcol".into(), port("COLLECTOR_METRICS_PORT"));
    expected.insert("otelcol-connectors".into(), port("CONNECTORS_METRICS_ADDRESS"));
    expected.insert("jaeger".into(), port("JAEGER_METRICS_PORT"));
    expected.insert("alertmanager".into(), 9093);
    let mut found = BTreeMap::new();
    for file in ["targets", "connectors"] {
        let text = read(&format!("stack/prometheus/{file}.compose.json"));
        let groups: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
        for group in groups {
            let (_, port) =
                group["targets"][0].as_str().and_then(|t| t.rsplit_once(':')).expect("host and port");
            let job = group["labels"]["job"].as_str().expect("a job").to_owned();
            assert_eq!(group["targets"].as_array().map(Vec::len), Some(1), "{job}");
            assert_eq!(found.insert(job.clone(), port.parse().expect("a port")), None, "{job} stands twice");
        }
    }
    assert_eq!(found, expected);
}

#[test]
fn the_collector_is_built_from_what_its_configurations_name() {
    let (builder, generated) =
        (read("otel-collector/builder.yaml"), read("stack/native/otelcol/components.go"));
    let mut named = BTreeSet::new();
    for file in COLLECTOR {
        for section in SECTIONS {
            for entry in entries(file, section) {
                let (kind, _purpose) =
                    entry.split_once('/').unwrap_or_else(|| panic!("{entry} says no purpose"));
                named.insert((section, kind.to_owned()));
            }
        }
    }
    let known: BTreeSet<(&str, String)> =
        COMPONENTS.iter().map(|(section, _, name)| (*section, (*name).to_owned())).collect();
    assert_eq!(named, known, "what the configurations name, and what there is");

    let packages: BTreeSet<&str> = COMPONENTS.iter().map(|(_, package, _)| *package).collect();
    let modules = builder.lines().filter_map(|line| line.trim().strip_prefix("- gomod: ")?.split_once(' '));
    let modules: Vec<(&str, &str)> = modules.filter(|(module, _)| !module.contains("/provider/")).collect();
    let built: BTreeSet<&str> = modules.iter().filter_map(|(module, _)| module.rsplit('/').next()).collect();
    assert_eq!(built, packages, "what builder.yaml lists");
    let compiled: BTreeSet<&str> = generated
        .lines()
        .filter_map(|line| line.trim().strip_suffix(".NewFactory(),"))
        .filter(|package| !package.contains(' '))
        .collect();
    assert_eq!(compiled, packages, "what the generated program holds; generate it again");

    let pinned = pinned_version("otelcol");
    assert!(builder.contains(&format!("\n  version: {pinned}\n")), "the distribution's version is {pinned}");
    for (module, version) in modules {
        assert_eq!(version, format!("v{pinned}"), "{module}");
        assert!(
            generated.contains(&format!("\"{module} {version}\"")),
            "{module} {version} is not compiled in"
        );
    }
}

/// The pinned version of a program in `stack/versions`.
fn pinned_version(program: &str) -> String {
    let text = read("stack/versions");
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines.find(|words| words.first() == Some(&program)).expect(program);
    line[1].to_owned()
}

#[test]
fn every_component_that_is_configured_is_used() {
    for file in COLLECTOR {
        let text = lines(file).join("\n");
        let service = text.split_once("\nservice:").expect("a service section").1;
        for section in SECTIONS {
            for entry in entries(file, section) {
                assert!(service.contains(&entry), "{file}: {entry} stands in no pipeline");
            }
        }
        for line in lines(file).iter().filter(|line| line.trim_start().starts_with("processors: [")) {
            assert!(line.contains("[memory_limiter/refuse"), "{file}: the limiter is not first in {line}");
        }
    }
}

#[test]
fn spans_are_measured_with_the_services_own_buckets() {
    let milliseconds = |text: &str| -> f64 {
        let text = text.trim();
        let units = [("ms", 1.0), ("us", 0.001), ("s", 1000.0)];
        let (number, factor) = units
            .into_iter()
            .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
            .unwrap_or_else(|| panic!("{text}"));
        number.parse::<f64>().unwrap_or_else(|e| panic!("{text}: {e}")) * factor
    };
    let expected: Vec<f64> = DURATION_BUCKETS.iter().map(|seconds| (seconds * 1e6).round() / 1e3).collect();
    let text = lines(COLLECTOR[0]).join(" ");
    let lists: Vec<&str> = text.split("uckets:").skip(1).filter_map(|t| t.split(['[', ']']).nth(1)).collect();
    assert_eq!(lists.len(), 2, "of span_metrics and of service_graph");
    for list in lists {
        assert_eq!(list.split(',').map(milliseconds).collect::<Vec<_>>(), expected);
    }
    let rules: String = rules().iter().map(|path| read(path)).collect();
    let bounds: Vec<f64> = rules
        .split("le=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().and_then(|b| b.parse().ok()).expect("a bound"))
        .collect();
    assert!(!bounds.is_empty() && bounds.iter().all(|bound| DURATION_BUCKETS.contains(bound)), "{bounds:?}");
}

#[tokio::test]
async fn the_collector_accepts_its_configuration_and_its_overlays() {
    let Some(otelcol) = native::program("otelcol") else { return };
    let [base, sampled, printed] = COLLECTOR;
    for files in [vec![base], vec![base, sampled], vec![base, printed], vec![base, sampled, printed]] {
        let mut args = vec!["validate".to_owned()];
        args.extend(files.iter().flat_map(|file| ["--config".to_owned(), path(file)]));
        args.push("--feature-gates=-connector.spanmetrics.includeCollectorInstanceID".to_owned());
        succeeds(&native::run(&otelcol, &args).await);
    }
}

#[tokio::test]
async fn prometheus_accepts_its_configuration_with_the_files_beside_it() {
    let Some(promtool) = native::program("promtool") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let copy = |from: &str, to: &str| {
        std::fs::copy(checkout().join("stack/prometheus").join(from), folder.path().join(to)).expect(from);
    };
    std::fs::create_dir(folder.path().join("rules")).expect("a folder");
    copy("prometheus.yaml", "prometheus.yaml");
    for file in rules() {
        copy(&format!("../../{file}"), &file.replacen(RULES, "rules", 1));
    }
    for file in ["targets", "connectors", "alertmanagers"] {
        copy(&format!("{file}.compose.json"), &format!("{file}.json"));
    }
    let file = folder.path().join("prometheus.yaml").to_string_lossy().into_owned();
    let output = native::run(&promtool, &["check", "config", &file]).await;
    succeeds(&output);
    assert!(!said(&output).contains("WARNING"), "{}", said(&output));
}

#[tokio::test]
async fn alertmanager_accepts_its_configuration_and_sends_each_alert_to_whom_it_is_for() {
    let Some(amtool) = native::program("amtool") else { return };
    let file = path("stack/alertmanager/alertmanager.yaml");
    succeeds(&native::run(&amtool, &["check-config", &file]).await);
    for (severity, receiver) in [("page", "pager"), ("ticket", "tickets"), ("unheard-of", "screen")] {
        let config = format!("--config.file={file}");
        let labels = format!("severity={severity}");
        let verify = format!("--verify.receivers={receiver}");
        let args = ["config", "routes", "test", &config, &verify, &labels, "service=any"];
        succeeds(&native::run(&amtool, &args).await);
    }
}

#[tokio::test]
async fn loki_accepts_its_configuration() {
    let Some(loki) = native::program("loki") else { return };
    let file = format!("-config.file={}", path("stack/loki/loki.yaml"));
    succeeds(&native::run(&loki, &[&file, "-config.expand-env=true", "-verify-config"]).await);
}

#[tokio::test]
async fn jaeger_starts_with_either_store_and_stops() {
    let Some(jaeger) = native::program("jaeger") else { return };
    for overlay in [None, Some("stack/jaeger/badger.yaml")] {
        let folder = tempfile::tempdir().expect("a folder");
        start_jaeger(&jaeger, folder.path(), overlay).await;
        let stored = folder.path().join("data/jaeger/keys").exists();
        assert_eq!(stored, overlay.is_some(), "only Badger writes to disk, and where it is told");
    }
}

/// Starts Jaeger on free ports, waits until it is healthy, and ends it by SIGTERM.
async fn start_jaeger(jaeger: &Path, folder: &Path, overlay: Option<&str>) {
    let address: Vec<String> = ports::free(5).expect("free ports").iter().map(ToString::to_string).collect();
    let mut command = native::command(jaeger, folder);
    for file in [Some("stack/jaeger/jaeger.yaml"), overlay].into_iter().flatten() {
        command.args(["--config", &path(file)]);
    }
    command
        .env("JAEGER_QUERY_ADDRESS", &address[0])
        .env("JAEGER_QUERY_GRPC_ADDRESS", &address[1])
        .env("JAEGER_OTLP_GRPC_ADDRESS", &address[2])
        .env("JAEGER_HEALTH_ADDRESS", &address[3])
        .env("JAEGER_METRICS_PORT", address[4].rsplit(':').next().expect("a port"));
    let log = folder.join("log");
    command.stdout(std::fs::File::create(&log).expect("a log"));
    command.stderr(std::fs::File::options().append(true).open(&log).expect("the log"));
    let mut child = command.spawn().expect("jaeger starts");
    let pid = child.id().expect("jaeger runs");
    eventually("a healthy Jaeger", async || {
        let log = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(alive(pid), "jaeger has ended: {}", log());
        let answer = reqwest::get(format!("http://{}/status", address[3])).await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    signal(pid, Signal::TERM);
    let status =
        tokio::time::timeout(PATIENCE, child.wait()).await.expect("jaeger ends").expect("its status");
    // It begins to listen for the signal only after it has become healthy.
    let by_the_signal = status.signal() == Some(Signal::TERM.as_raw());
    assert!(status.success() || by_the_signal, "{status}");
}
