//! The environment of each child: how a process of the fleet learns of the others. Pure.

use std::collections::BTreeMap;

use super::settings::{LoadSettings, Settings};
use crate::{child::role::Role, otlp};

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
            set("USER_SERVICE_URL", url("user-service"));
            set("PRODUCT_SERVICE_URL", url("product-service"));
        }
        Role::Backend => {
            set("BACKEND_DATA_DIR", data.join("telemetry").display().to_string());
            set("BACKEND_RETENTION_S", settings.retention.as_secs().max(1).to_string());
            set("BACKEND_SCRAPE_FILE", settings.home.scrape_file().display().to_string());
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
    fn only_what_needs_the_token_gets_it() {
        for role in Role::ALL {
            let env = of(role, &settings(), address, |_| None);
            assert_eq!(env.values().any(|value| value == "secret"), role == Role::Loadgen, "{role:?}");
        }
    }
}
