//! The environment of each child: how a process of the fleet learns of the others. Pure.

use std::collections::BTreeMap;

use super::settings::{LoadSettings, Settings};
use crate::{child::role::Role, native::files, otlp};

/// What a role's process finds in its environment, beside what `up` itself was given.
///
/// `address` is the base address of a listener, as far as it is known. `given` looks up what is set for `up`: a person
/// who names an OTLP endpoint wants it used.
pub(super) fn of(
    role: Role,
    settings: &Settings,
    address: impl Fn(&str) -> Option<String>,
    given: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: String| drop(env.insert(name.to_owned(), value));
    let url = |listener: &str| address(listener).unwrap_or_default();
    let data = settings.home.data();

    if role.emits_telemetry() {
        // What a shell is called for other programs must not give all services one name.
        set("OTEL_SERVICE_NAME", role.name().to_owned());
        for (name, value) in otlp::variables(&url("otlp_http"), address("otlp_grpc").as_deref(), &given) {
            set(name, value);
        }
        if given("LOKI_URL").is_none() {
            set("LOKI_URL", url("loki"));
        }
    }
    match role {
        Role::UserService | Role::ProductService | Role::OrderService => {
            set("DATABASE_PATH", data.join(format!("{}.db", role.name())).display().to_string());
            set("ADMIN_TOKEN", settings.admin_token.clone());
            set("USER_SERVICE_URL", url("user-service"));
            set("PRODUCT_SERVICE_URL", url("product-service"));
        }
        Role::Backend => {
            set("BACKEND_DATA_DIR", data.join("telemetry").display().to_string());
            set("BACKEND_RETENTION_S", settings.retention.as_secs().max(1).to_string());
            set("BACKEND_SCRAPE_FILE", settings.home.scrape_file().display().to_string());
            set("BACKEND_RULE_FILES", settings.home.rule_files().display().to_string());
            let alertmanager = settings.home.configuration().join(files::ALERTMANAGER);
            set("BACKEND_ALERTMANAGER_FILE", alertmanager.display().to_string());
            // glibc raises its bound for blocks that go back to the system at once with each such block, and keeps the next
            // ones. After 24 gzip bombs of 1 GiB, refused as they should be, that were 162 MB instead of 17.
            set("MALLOC_MMAP_THRESHOLD_", (256 << 10).to_string());
        }
        Role::Console => {
            set("PROMETHEUS_URL", url("prometheus"));
            set("LOKI_URL", url("loki"));
            set("JAEGER_URL", url("jaeger"));
        }
        Role::Loadgen => {
            for service in ["user-service", "product-service", "order-service"] {
                set(&format!("{}_URL", service.replace('-', "_").to_uppercase()), url(service));
            }
            if let Some(LoadSettings { profile, rps, seed }) = &settings.load {
                set("LOADGEN_PROFILE", profile.clone());
                set("LOADGEN_RPS", rps.to_string());
                set("LOADGEN_SEED", seed.to_string());
            }
            set("ADMIN_TOKEN", settings.admin_token.clone());
        }
    }
    env
}

/// What is further in the environment of one instance of a service: what tells it from others.
pub(super) fn of_instance(
    settings: &Settings,
    name: &str,
    version: Option<&str>,
    given: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let own = [(INSTANCE, Some(name)), (VERSION, version)];
    let own: Vec<_> = own.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    // What was given stays, except what would be said twice.
    let given_pairs = given(RESOURCE).unwrap_or_default();
    let kept = given_pairs.split(',').filter(|pair| {
        let key = pair.split('=').next().unwrap_or_default().trim();
        !key.is_empty() && own.iter().all(|(own, _)| *own != key)
    });
    let pairs = kept.map(str::to_owned).chain(own.iter().map(|(key, value)| format!("{key}={value}")));
    BTreeMap::from([
        (RESOURCE.to_owned(), pairs.collect::<Vec<_>>().join(",")),
        ("SETTINGS_PATH".to_owned(), settings.home.settings(name).display().to_string()),
    ])
}

/// The `service.version` of services that were given no other.
pub(super) fn version(given: impl Fn(&str) -> Option<String>) -> String {
    let pairs = given(RESOURCE).unwrap_or_default();
    let of = |pair: &str| {
        Some(pair.trim().strip_prefix(VERSION)?.trim_start().strip_prefix('=')?.trim().to_owned())
    };
    pairs.split(',').find_map(of).unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned())
}

const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const INSTANCE: &str = "service.instance.id";
const VERSION: &str = "service.version";

/// Variables with which a service tells less than all, or tells it in other words.
const QUIETER: [&str; 6] = [
    "RUST_LOG",
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_EXPORTER",
    "OTEL_LOGS_EXPORTER",
    "LOG_EXPORT",
];
/// Variables with which it tells somebody else. They may hold a password and are not repeated.
const ELSEWHERE: [&str; 4] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "LOKI_URL",
];

/// What to say about variables of the shell that the services obey, too: a person who has forgotten them would look for what
/// is missing everywhere else.
pub(super) fn overruled(given: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let quieter: Vec<String> =
        QUIETER.iter().filter_map(|name| Some(format!("{name}={}", given(name)?))).collect();
    let elsewhere: Vec<&str> = ELSEWHERE.into_iter().filter(|name| given(name).is_some()).collect();
    let mut lines = Vec::new();
    if !quieter.is_empty() {
        lines.push(format!(
            "Your shell sets {}, which the services obey: some of their telemetry may be missing, and an audit finds that.",
            quieter.join(" ")
        ));
    }
    if !elsewhere.is_empty() {
        lines.push(format!(
            "Your shell sets {}, which the services obey: telemetry that goes there is not found here.",
            elsewhere.join(" ")
        ));
    }
    // What cannot be read at all ends the start of the services with their own words.
    let ignored = telemetry::Config::read("up", "", &given).map(|config| config.ignored);
    lines.extend(ignored.into_iter().flatten().map(|choice| format!("Your shell sets {choice}.")));
    // Spans and log records are two readers of one choice.
    lines.dedup();
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{home::Home, ports::Ports, up::Backends};

    fn settings() -> Settings {
        Settings {
            home: Home::new(Some("/tmp/home".into())),
            backends: Backends::Embedded,
            ports: Ports::Auto,
            admin_token: "secret".into(),
            retention: Duration::from_secs(60),
            load: Some(LoadSettings { profile: "steady".into(), rps: 20.0, seed: 1 }),
            speed: slo::generate::Speed::REAL,
        }
    }

    fn address(listener: &str) -> Option<String> {
        let known = [("otlp_http", 4318), ("loki", 3100), ("user-service", 5001), ("product-service", 5002)];
        let (_, port) = known.into_iter().find(|(name, _)| *name == listener)?;
        Some(format!("http://127.0.0.1:{port}"))
    }

    #[test]
    fn services_find_each_other_and_the_backend() {
        let env = of(Role::OrderService, &settings(), address, |_| None);
        assert_eq!(env["USER_SERVICE_URL"], "http://127.0.0.1:5001");
        assert_eq!(env["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://127.0.0.1:4318");
    }

    #[test]
    fn each_service_has_its_own_name_whatever_the_shell_is_called() {
        let given = |name: &str| (name == "OTEL_SERVICE_NAME").then(|| "my-shell".to_owned());
        assert_eq!(of(Role::UserService, &settings(), address, given)["OTEL_SERVICE_NAME"], "user-service");
    }

    #[test]
    fn an_instance_has_its_own_id_and_version_and_what_else_was_given() {
        let given = |name: &str| {
            (name == RESOURCE).then(|| "zone=a, service.version=9 ,service.instance.id=x".to_owned())
        };
        let env = |version, given: &dyn Fn(&str) -> Option<String>| {
            of_instance(&settings(), "user-service-2", version, given)
        };
        assert_eq!(
            env(Some("1.4.0"), &given)[RESOURCE],
            "zone=a,service.instance.id=user-service-2,service.version=1.4.0"
        );
        let env = env(None, &|_| None);
        assert_eq!(env[RESOURCE], "service.instance.id=user-service-2");
        assert_eq!(env["SETTINGS_PATH"], "/tmp/home/data/user-service-2.settings.json");
        assert_eq!((version(given), version(|_| None)), ("9".into(), env!("CARGO_PKG_VERSION").into()));
    }

    #[test]
    fn what_makes_the_services_tell_less_or_somebody_else_is_said() {
        let said =
            |variable: &str| overruled(|name| (name == variable).then(|| "http://me:secret@far".to_owned()));
        assert!(matches!(&said("RUST_LOG")[..], [line] if line.contains("RUST_LOG=http")));
        assert!(
            matches!(&said("OTEL_EXPORTER_OTLP_PROTOCOL")[..], [line] if line.contains("taken as http/protobuf"))
        );
        for variable in ["OTEL_EXPORTER_OTLP_ENDPOINT", "LOKI_URL"] {
            assert!(
                matches!(&said(variable)[..], [line] if line.contains(variable) && !line.contains("secret"))
            );
        }
        assert!(said("OTEL_SERVICE_NAME").is_empty());
    }

    #[test]
    fn only_what_needs_the_token_gets_it() {
        for role in Role::ALL {
            let env = of(role, &settings(), address, |_| None);
            let needs_it = !matches!(role, Role::Backend | Role::Console);
            assert_eq!(env.values().any(|value| value == "secret"), needs_it, "{role:?}");
        }
    }
}
