//! The real stack as native programs: which there are, where they are found, how each is started.
//!
//! It does not start them: that is [`crate::up`], which supervises them as it does our own processes.

pub mod files;
pub mod locate;
pub mod plan;
pub mod versions;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use crate::{failure::Failure, ports::Ports};

/// The programs that the real stack is started from, in the order of [`plan::Layout::starts`].
pub const PROGRAMS: [&str; 5] = ["alertmanager", "prometheus", "loki", "jaeger", "otelcol"];

/// Every listener of the real stack's programs, with its standard port.
///
/// Those that the embedded backend has, too, keep their names and ports: nothing above knows the difference.
pub const LISTENERS: [(&str, u16); 14] = [
    ("otlp_grpc", 4317),
    ("otlp_http", 4318),
    ("prometheus", 9090),
    ("alertmanager", 9093),
    ("loki", 3100),
    ("loki_grpc", 9095),
    ("jaeger", 16686),
    ("jaeger_grpc", 16685),
    ("jaeger_otlp", 14317),
    ("jaeger_health", 14133),
    ("jaeger_metrics", 14269),
    ("collector_health", 13133),
    ("collector_metrics", 8888),
    ("connectors_metrics", 8889),
];

/// Finds every program; the failure names those that are not there and the one command that gets them.
pub async fn find() -> Result<BTreeMap<&'static str, PathBuf>, Failure> {
    let searches = locate::search_all(PROGRAMS.into_iter().filter_map(versions::program)).await;
    let missing: Vec<&locate::Search> = searches.iter().filter(|search| search.found.is_none()).collect();
    if missing.is_empty() {
        let found = searches.into_iter().filter_map(|s| Some((s.program.name, s.found?.path)));
        return Ok(found.collect());
    }
    let told: Vec<String> =
        missing.iter().map(|search| format!("{} ({})", search.program.name, search.told())).collect();
    let names: Vec<&str> = missing.iter().map(|search| search.program.name).collect();
    Err(Failure::environment(format!(
        "the native stack lacks {}; build with `{}`, or start without --stack native",
        told.join(", "),
        build_command(&names),
    )))
}

/// The one command that builds these programs, in a checkout.
pub fn build_command(programs: &[&str]) -> String {
    format!("stack/native/build {}", programs.join(" "))
}

/// An address for each listener: the standard ones, or such as are free now.
///
/// # Errors
/// A standard port is taken; the line names it and its holder.
pub fn addresses(ports: Ports) -> Result<BTreeMap<String, SocketAddr>, Failure> {
    match ports {
        Ports::Standard => {
            let names: Vec<&str> = LISTENERS.iter().map(|(name, _)| *name).collect();
            ports.check(&names)?;
            Ok(names.into_iter().map(|name| (name.to_owned(), ports.address(name))).collect())
        }
        // These programs cannot say which port they got, so it is chosen for them.
        Ports::Auto => {
            let chosen = crate::ports::free(LISTENERS.len())?;
            Ok(LISTENERS.iter().map(|(name, _)| (*name).to_owned()).zip(chosen).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_given_once_each() {
        let addresses = addresses(Ports::Auto).expect("there are free ports");
        let mut ports: Vec<u16> = addresses.values().map(SocketAddr::port).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), LISTENERS.len());
    }

    #[test]
    fn what_both_stacks_have_is_at_the_same_port() {
        for (name, port) in LISTENERS {
            if let Some((_, standard)) = crate::ports::STANDARD.iter().find(|(n, _)| *n == name) {
                assert_eq!(port, *standard, "{name}");
            }
        }
    }

    #[test]
    fn every_program_is_in_the_table_and_can_be_built() {
        for name in PROGRAMS {
            assert!(versions::program(name).is_some_and(|program| program.buildable), "{name}");
        }
    }
}
