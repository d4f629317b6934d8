//! Backends that run already: their addresses from the command line, and whether they answer.

use std::{collections::BTreeMap, time::Duration};

use query::{Stack, Window};

use crate::{cli::External, failure::Failure};

/// The addresses by the names of listeners; the failure names the options that are missing.
pub fn addresses(options: &External) -> Result<BTreeMap<String, String>, Failure> {
    let needed = [
        ("prometheus", "--prometheus-url", &options.prometheus_url),
        ("loki", "--loki-url", &options.loki_url),
        ("jaeger", "--jaeger-url", &options.jaeger_url),
        ("otlp_http", "--otlp-url", &options.otlp_url),
    ];
    let missing: Vec<&str> =
        needed.iter().filter(|(_, _, url)| url.is_none()).map(|(_, option, _)| *option).collect();
    if !missing.is_empty() {
        return Err(Failure::arguments(format!(
            "--stack external needs the addresses of what runs already; missing: {}",
            missing.join(", ")
        )));
    }
    let optional = [("alertmanager", "", &options.alertmanager_url)];
    let given = needed.into_iter().chain(optional);
    Ok(given.filter_map(|(name, _, url)| Some((name.to_owned(), url.clone()?))).collect())
}

/// The first option that was given, when there is one.
pub fn first_given(options: &External) -> Option<&'static str> {
    [
        ("--prometheus-url", &options.prometheus_url),
        ("--loki-url", &options.loki_url),
        ("--jaeger-url", &options.jaeger_url),
        ("--otlp-url", &options.otlp_url),
        ("--alertmanager-url", &options.alertmanager_url),
    ]
    .into_iter()
    .find_map(|(option, url)| url.is_some().then_some(option))
}

/// Asks the three query APIs once; the failure names those that do not answer.
pub async fn check(urls: &BTreeMap<String, String>) -> Result<(), Failure> {
    let url = |name: &str| urls.get(name).map_or("", String::as_str);
    let stack = Stack::new(url("prometheus"), url("loki"), url("jaeger"))
        .map_err(|e| Failure::environment(e.to_string()))?;
    let window = Window::last(Duration::from_secs(60));
    let (prometheus, loki, jaeger) =
        tokio::join!(stack.prometheus.instant("1", None), stack.loki.labels(window), stack.jaeger.services());
    let failed: Vec<String> =
        [prometheus.err(), loki.err(), jaeger.err()].into_iter().flatten().map(|e| e.to_string()).collect();
    match failed.as_slice() {
        [] => Ok(()),
        _ => Err(Failure::environment(format!(
            "--stack external: {}; start what is missing or correct its address",
            failed.join("; ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_address_is_named_at_once() {
        let some = External { loki_url: Some("http://127.0.0.1:3100".into()), ..External::default() };
        let failure = addresses(&some).expect_err("three are missing");
        assert_eq!(failure.code, crate::failure::Code::BadArguments);
        for option in ["--prometheus-url", "--jaeger-url", "--otlp-url"] {
            assert!(failure.message.contains(option), "{failure}");
        }
        assert!(!failure.message.contains("--loki-url"), "{failure}");
    }
}
