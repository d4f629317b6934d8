//! `docker-compose.yml`: valid for the Compose Specification's own loader, closed to the outside, within its limits, and
//! at one with the configurations, the ports and the versions that it names.
//!
//! No container engine runs here, so nothing is said of how an image behaves: what each holds is known from the file it is
//! built with.

mod file;
mod programs;

use std::collections::{BTreeMap, BTreeSet};

use firedrill::ports::STANDARD;

use crate::harness::checkout;
use file::{Project, Service, project};

const MIB: u64 = 1 << 20;
/// What all limits may add up to.
const MOST_MEMORY: u64 = 2000 * MIB;

/// Services without a health check, and why.
const UNCHECKED: [(&str, &str); 2] = [
    ("otel-collector", "its image holds the collector alone, which has no command that asks another one"),
    ("volume-owner", "it ends when its work is done, and that is what others wait for"),
];

/// The program that a health check may call, by image.
const HEALTH_PROGRAMS: [(&str, &str); 6] = [
    ("firedrill", "firedrill"),
    ("prom/prometheus", "wget"),
    ("prom/alertmanager", "wget"),
    ("jaegertracing/jaeger", "wget"),
    ("grafana/loki", "/usr/bin/loki"),
    ("grafana/grafana", "curl"),
];

/// The service that gives volumes their owner: the only one that is root.
const OWNER: &str = "volume-owner";

fn image_name(service: &Service) -> &str {
    service.image.rsplit_once(':').map_or(service.image.as_str(), |(name, _)| name)
}

/// The lines of `stack/versions`: program, pinned version and image.
fn versions() -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(checkout().join("stack/versions")).expect("stack/versions");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [program, pinned, .., image] => (program.to_owned(), pinned.to_owned(), image.to_owned()),
            _ => panic!("stack/versions: {line}"),
        })
        .collect()
}

#[test]
fn every_image_is_the_pinned_version() {
    let Some(project) = project() else { return };
    let pinned: BTreeSet<String> =
        versions().into_iter().map(|(.., image)| image).filter(|image| image != "-").collect();
    let own = format!("firedrill:{}", env!("CARGO_PKG_VERSION"));
    let used: BTreeSet<String> = project.services.values().map(|s| s.image.clone()).collect();
    let expected: BTreeSet<String> = pinned.iter().cloned().chain([own]).collect();
    assert_eq!(used, expected);
    for (program, version, image) in versions().iter().filter(|(.., image)| image != "-") {
        let tag = image.rsplit_once(':').map(|(_, tag)| tag.trim_start_matches('v'));
        assert_eq!(tag, Some(version.as_str()), "{program}");
    }
}

#[test]
fn the_image_is_built_by_the_compiler_of_the_checkout() {
    let read = |path: &str| std::fs::read_to_string(checkout().join(path)).expect(path);
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().expect("TOML");
    let channel = toolchain["toolchain"]["channel"].as_str().expect("a version");
    let dockerfile = read("stack/Dockerfile");
    assert!(dockerfile.contains(&format!("ARG RUST_VERSION={channel}\n")), "{channel}");
    let label = format!("org.opencontainers.image.version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(dockerfile.contains(&label), "{label}");
    for line in dockerfile.lines().filter(|line| line.starts_with("FROM ")) {
        assert!(line.contains(':') && !line.contains("latest"), "{line}");
    }
}

#[test]
fn the_build_sees_every_folder_of_the_workspace() {
    let read = |path: &str| std::fs::read_to_string(checkout().join(path)).expect(path);
    let ignore = read(".dockerignore");
    let seen: BTreeSet<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for path in &seen {
        assert!(checkout().join(path).exists(), "{path}");
    }
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let members = manifest["workspace"]["members"].as_array().expect("a list");
    for member in members.iter().filter_map(toml::Value::as_str) {
        let top = member.split('/').next().unwrap_or(member);
        assert!(seen.contains(top), "{member} is missing in .dockerignore");
    }
}

#[test]
fn only_documented_ports_are_published_and_only_on_loopback() {
    let Some(project) = project() else { return };
    let mut published = BTreeSet::new();
    for (name, service) in &project.services {
        for port in &service.ports {
            assert_eq!(port.host_ip, "127.0.0.1", "{name}");
            assert_eq!(port.published, port.target.to_string(), "{name}");
            assert!(project.listens(name).contains(&port.target), "{name}: {}", port.target);
            published.insert((name.as_str(), port.target));
        }
    }
    let documented: BTreeSet<(&str, u16)> = STANDARD
        .iter()
        .map(|(listener, port)| match *listener {
            "otlp_grpc" | "otlp_http" => ("otel-collector", *port),
            name => (name, *port),
        })
        .chain([("grafana", 3000), ("alertmanager", 9093)])
        .collect();
    assert_eq!(published, documented);
}

#[test]
fn every_address_is_that_of_a_service_which_listens_there() {
    let Some(project) = project() else { return };
    let mut found = 0;
    for (name, service) in &project.services {
        let environment = service.environment.values().flatten().map(String::as_str);
        let check = service.healthcheck.iter().flat_map(|check| &check.test).map(String::as_str);
        for text in environment.chain(check) {
            let Some((host, port)) = file::address(text) else { continue };
            match host {
                "0.0.0.0" => {}
                "127.0.0.1" => assert!(project.listens(name).contains(&port), "{name}: {text}"),
                host => {
                    assert!(project.services.contains_key(host), "{name}: {text}");
                    assert!(project.listens(host).contains(&port), "{name}: {text}");
                    found += 1;
                }
            }
        }
    }
    assert!(found > 10, "only {found} addresses were found at all");
}

#[test]
fn prometheus_scrapes_what_is_there() {
    let Some(project) = project() else { return };
    let mut jobs = BTreeMap::new();
    for file in ["targets", "connectors", "alertmanagers"] {
        let path = checkout().join(format!("stack/prometheus/{file}.compose.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let groups: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
        for group in groups {
            for target in group["targets"].as_array().expect("targets") {
                let target = target.as_str().expect("text");
                let (host, port) = file::address(target).expect("HOST:PORT");
                // Who scrapes itself needs no name.
                let host = if host == "localhost" { "prometheus" } else { host };
                assert!(project.services.contains_key(host), "{target}");
                assert!(project.listens(host).contains(&port), "{target}");
                if let Some(job) = group["labels"]["job"].as_str() {
                    jobs.insert(job.to_owned(), host.to_owned());
                }
            }
        }
    }
    let named_alike =
        ["user-service", "product-service", "order-service", "loadgen", "prometheus", "loki", "jaeger"];
    for job in named_alike {
        assert_eq!(jobs.get(job).map(String::as_str), Some(job));
    }
    assert_eq!(jobs.get("otelcol").map(String::as_str), Some("otel-collector"));
}

#[test]
fn a_configuration_reads_the_variables_that_are_set_and_no_others() {
    let Some(project) = project() else { return };
    for (service, folders) in [
        ("otel-collector", &["otel-collector"][..]),
        ("jaeger", &["stack/jaeger"]),
        ("loki", &["stack/loki"]),
        ("grafana", &["dashboards/provisioning/datasources", "dashboards/provisioning/dashboards"]),
    ] {
        let mut read = BTreeSet::new();
        for folder in folders {
            for entry in std::fs::read_dir(checkout().join(folder)).expect(folder).flatten() {
                let path = entry.path();
                if path.extension().is_some_and(|e| e == "yaml") && !path.ends_with("builder.yaml") {
                    read.extend(file::variables(&std::fs::read_to_string(path).expect("text")));
                }
            }
        }
        // These are read by the program and not by a configuration.
        let programs = |name: &&String| *name != "GOMEMLIMIT" && !name.starts_with("GF_");
        let set: BTreeSet<String> =
            project.services[service].environment.keys().filter(programs).cloned().collect();
        assert_eq!(set, read, "{service}");
    }
}

#[test]
fn every_path_that_a_program_is_given_is_mounted() {
    let Some(project) = project() else { return };
    for (name, service) in &project.services {
        let words = service.command.iter().flatten().chain(service.environment.values().flatten());
        let values = words.map(|word| word.rsplit_once('=').map_or(word.as_str(), |(_, value)| value));
        for path in values.filter(|value| value.starts_with('/')) {
            let mut mounts = service.volumes.iter();
            let mount = mounts.find(|mount| file::below(path, &mount.target).is_some());
            let mount = mount.unwrap_or_else(|| panic!("{name}: {path} is not mounted"));
            if mount.kind == "bind" {
                let rest = file::below(path, &mount.target).unwrap_or_default();
                let source = format!("{}{rest}", mount.source);
                assert!(
                    std::path::Path::new(&source).exists(),
                    "{name}: {path} is {source}, which is not there"
                );
            }
        }
    }
}

#[test]
fn what_is_mounted_exists_and_cannot_be_changed_from_inside() {
    let Some(project) = project() else { return };
    for (name, service) in &project.services {
        for mount in service.volumes.iter().filter(|mount| mount.kind == "bind") {
            let source = std::path::Path::new(&mount.source);
            assert!(source.starts_with(checkout()), "{name}: {}", mount.source);
            assert!(source.exists(), "{name}: {} does not exist", mount.source);
            // A folder that is mounted in a file's place would be made by the engine, without a word.
            let file = std::path::Path::new(&mount.target).extension().is_some();
            assert_eq!(source.is_file(), file, "{name}: {}", mount.source);
            assert!(mount.read_only, "{name}: {}", mount.source);
        }
    }
}

#[test]
fn memory_is_limited_and_adds_up_to_two_gigabytes_at_most() {
    let Some(project) = project() else { return };
    let mut sum = 0;
    for (name, service) in &project.services {
        let limit: u64 = service.mem_limit.parse().unwrap_or_else(|_| panic!("{name} has no limit"));
        sum += limit;
        if image_name(service) == "firedrill" {
            continue;
        }
        let go = service.environment.get("GOMEMLIMIT").cloned().flatten();
        let go = go.unwrap_or_else(|| panic!("{name} is a Go program without GOMEMLIMIT"));
        let go: u64 = go.strip_suffix("MiB").and_then(|n| n.parse().ok()).expect("MiB");
        assert!(go * MIB * 10 <= limit * 9, "{name}: GOMEMLIMIT {go} MiB leaves too little of {limit}");
    }
    assert!(sum <= MOST_MEMORY, "{} MiB", sum / MIB);
    // What the collector can do about it itself comes before what Go does, and that before the kernel.
    let collector = &project.services["otel-collector"].environment;
    let mebibytes = |name: &str| {
        let text = collector.get(name).cloned().flatten().unwrap_or_default();
        text.trim_end_matches("MiB").parse::<u64>().unwrap_or_else(|_| panic!("{name}: {text:?}"))
    };
    assert!(mebibytes("COLLECTOR_MEMORY_MIB") < mebibytes("GOMEMLIMIT"));
}

#[test]
fn nobody_is_root_and_nothing_is_written_but_volumes() {
    let Some(project) = project() else { return };
    for (name, service) in &project.services {
        let root = service.user.is_empty() || service.user.starts_with("0:");
        assert_eq!(root, name == OWNER, "{name} runs as {:?}", service.user);
        let granted: &[&str] = if name == OWNER { &["CHOWN"] } else { &[] };
        assert_eq!(service.cap_add, granted, "{name}");
        assert_eq!(service.cap_drop, ["ALL"], "{name}");
        assert_eq!(service.security_opt, ["no-new-privileges:true"], "{name}");
        assert!(service.read_only, "{name}");
    }
}

#[test]
fn every_service_comes_back_and_its_log_is_bounded() {
    let Some(project) = project() else { return };
    for (name, service) in &project.services {
        let restart = if name == OWNER { "no" } else { "unless-stopped" };
        assert_eq!(service.restart, restart, "{name}");
        let logging = service.logging.as_ref().unwrap_or_else(|| panic!("{name} has no bound to its log"));
        assert_eq!(logging.driver, "json-file", "{name}");
        assert_eq!(logging.options["max-size"], "10m", "{name}");
        assert!(logging.options.contains_key("max-file"), "{name}");
    }
}

#[test]
fn every_service_has_a_health_check_that_its_image_can_run() {
    let Some(project) = project() else { return };
    for (name, service) in &project.services {
        let excused = UNCHECKED.iter().any(|(unchecked, _)| unchecked == name);
        assert_eq!(service.healthcheck.is_none(), excused, "{name}");
        let Some(check) = &service.healthcheck else { continue };
        let [form, program, ..] = &check.test[..] else { panic!("{name}: {:?}", check.test) };
        assert_eq!(form, "CMD", "{name}: not every image has a shell");
        let image = image_name(service);
        assert!(HEALTH_PROGRAMS.contains(&(image, program.as_str())), "{name}: {image} has no {program}");
    }
}

#[test]
fn a_dependency_waits_for_what_can_come_true() {
    let Some(project) = project() else { return };
    for (name, service) in &project.services {
        for (on, dependency) in &service.depends_on {
            let possible = match dependency.condition.as_str() {
                "service_healthy" => project.services[on].healthcheck.is_some(),
                "service_completed_successfully" => project.services[on].restart == "no",
                // Waiting for a mere start is for those of whom nothing more can be known.
                condition => {
                    condition == "service_started" && UNCHECKED.iter().any(|(unchecked, _)| unchecked == on)
                }
            };
            assert!(possible, "{name} waits for {on}: {}", dependency.condition);
        }
    }
}

#[test]
fn one_service_builds_the_image_and_all_that_use_it_start_after() {
    let Some(project) = project() else { return };
    let own = project.services.iter().filter(|(_, service)| image_name(service) == "firedrill");
    for (name, service) in own {
        assert_eq!(service.build.is_some(), name == OWNER, "{name}");
        assert_eq!(service.pull_policy, if name == OWNER { "build" } else { "never" }, "{name}");
        assert!(name == OWNER || project.comes_after(name, OWNER), "{name} can be started without {OWNER}");
    }
}

impl Project {
    /// Whether `name` depends on `other`, directly or by way of others.
    fn comes_after(&self, name: &str, other: &str) -> bool {
        self.services[name].depends_on.keys().any(|on| on == other || self.comes_after(on, other))
    }
}
