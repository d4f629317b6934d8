//! The file as the Compose Specification's loader understands it, as far as the tests ask about it.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::LazyLock,
};

use serde::Deserialize;

use crate::harness::checkout;

/// What an image listens on without being told.
const BY_ITSELF: [(&str, u16); 1] = [("grafana", 3000)];

#[derive(Debug, Deserialize)]
pub struct Project {
    pub services: BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
pub struct Service {
    pub image: String,
    #[serde(default)]
    pub command: Option<Vec<String>>,
    #[serde(default)]
    pub environment: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub ports: Vec<Port>,
    #[serde(default)]
    pub volumes: Vec<Mount>,
    pub healthcheck: Option<Healthcheck>,
    #[serde(default)]
    pub depends_on: BTreeMap<String, Dependency>,
    #[serde(default)]
    pub mem_limit: String,
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub read_only: bool,
    #[serde(default)]
    pub cap_add: Vec<String>,
    #[serde(default)]
    pub cap_drop: Vec<String>,
    #[serde(default)]
    pub security_opt: Vec<String>,
    #[serde(default)]
    pub restart: String,
    pub logging: Option<Logging>,
    pub build: Option<serde_json::Value>,
    #[serde(default)]
    pub pull_policy: String,
}

#[derive(Debug, Deserialize)]
pub struct Port {
    #[serde(default)]
    pub host_ip: String,
    pub target: u16,
    #[serde(default)]
    pub published: String,
}

#[derive(Debug, Deserialize)]
pub struct Mount {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub source: String,
    pub target: String,
    #[serde(default)]
    pub read_only: bool,
}

#[derive(Debug, Deserialize)]
pub struct Healthcheck {
    pub test: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Dependency {
    pub condition: String,
}

#[derive(Debug, Deserialize)]
pub struct Logging {
    pub driver: String,
    pub options: BTreeMap<String, String>,
}

impl Project {
    /// The ports on which a service listens: those it is told by its command line or environment to bind on all addresses.
    pub fn listens(&self, name: &str) -> BTreeSet<u16> {
        let service = &self.services[name];
        let told = service.command.iter().flatten().map(String::as_str);
        let set = service.environment.values().flatten().map(String::as_str);
        let addresses = told.chain(set).filter_map(address).filter(|(host, _)| *host == "0.0.0.0");
        let ports = service.environment.iter().filter(|(name, _)| name.ends_with("_PORT"));
        let ports = ports.filter_map(|(_, port)| port.as_deref()?.parse().ok());
        let by_itself = BY_ITSELF.iter().filter(|(service, _)| *service == name).map(|(_, port)| *port);
        addresses.map(|(_, port)| port).chain(ports).chain(by_itself).collect()
    }
}

/// Host and port of `HOST:PORT`, also with a `name=` or a scheme before it and a path behind it.
pub fn address(text: &str) -> Option<(&str, u16)> {
    let text = text.rsplit_once('=').map_or(text, |(_, value)| value);
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split('/').next()?;
    let (host, port) = text.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

/// What follows `folder` in `path`, when `path` is that folder or lies in it.
pub fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.strip_prefix(folder).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The variables that a configuration reads as `${NAME}`, `${NAME:-default}` or `${env:NAME:-default}`, comments aside.
pub fn variables(configuration: &str) -> BTreeSet<String> {
    let code = configuration.lines().map(|line| line.split(" #").next().unwrap_or(line));
    let code = code.filter(|line| !line.trim_start().starts_with('#'));
    code.flat_map(|line| line.split("${").skip(1))
        .map(|rest| rest.strip_prefix("env:").unwrap_or(rest))
        .filter_map(|rest| rest.split(['}', ':']).next())
        // Grafana's own, such as `$${__value.raw}`, are not from the environment.
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .map(str::to_owned)
        .collect()
}

/// Loads the file once for all tests. None, loudly, where the loader cannot be run and does not have to be.
pub fn project() -> Option<&'static Project> {
    static PROJECT: LazyLock<Option<Project>> = LazyLock::new(load);
    PROJECT.as_ref()
}

fn load() -> Option<Project> {
    let file = checkout().join("docker-compose.yml");
    let output = go()?.args(["run", "-mod=readonly", "."]).arg(file).output().expect("Go runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("what the loader prints"))
}

/// The Go command in the loader's folder.
fn go() -> Option<Command> {
    if let Err(why) = Command::new("go").arg("version").output() {
        let required = std::env::var_os("FIREDRILL_REQUIRE_BACKENDS").is_some_and(|value| value == "1");
        let line =
            format!("SKIPPED: docker-compose.yml is not checked without Go ({why}); https://go.dev/dl");
        assert!(!required, "{line}");
        // Past the capture of the test harness, which shows nothing of a test that passes.
        let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), format!("\n{line}\n").as_bytes());
        return None;
    }
    let mut go = Command::new("go");
    go.current_dir(checkout().join("stack/compose-check"));
    Some(go)
}

#[test]
fn the_loader_passes_its_own_tests() {
    let Some(mut go) = go() else { return };
    let output = go.args(["test", "-mod=readonly", "./..."]).output().expect("Go runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn addresses_are_found_in_every_form_in_which_they_are_given() {
    for (text, expected) in [
        ("jaeger:14317", Some(("jaeger", 14317))),
        ("http://loki:3100/otlp", Some(("loki", 3100))),
        ("--web.listen-address=0.0.0.0:9090", Some(("0.0.0.0", 9090))),
        ("-health.url=http://127.0.0.1:3100/ready", Some(("127.0.0.1", 3100))),
        ("/data/orders.db", None),
        ("steady", None),
    ] {
        assert_eq!(address(text), expected, "{text}");
    }
}

#[test]
fn variables_are_found_in_both_forms_and_not_in_comments() {
    let text =
        "# ${OLD}\na: ${env:ONE:-x}:${env:TWO}\nb: ${THREE:-127.0.0.1}  # once ${FOUR}\nc: $${__raw}\n";
    assert_eq!(variables(text), ["ONE", "THREE", "TWO"].map(str::to_owned).into());
}
