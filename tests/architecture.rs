//! The manifests keep the direction of dependencies that ARCHITECTURE.md draws.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::checkout;

/// Each package, and which of ours it may depend on.
const ALLOWED: [(&str, &str, &[&str]); 10] = [
    ("telemetry", "telemetry", &[]),
    ("chassis", "services/chassis", &["telemetry"]),
    ("user-service", "services/user-service", &["telemetry", "chassis"]),
    ("product-service", "services/product-service", &["telemetry", "chassis"]),
    ("order-service", "services/order-service", &["telemetry", "chassis"]),
    ("loadgen", "loadgen", &["telemetry"]),
    ("backend", "backend", &[]),
    ("query", "query", &[]),
    ("console", "console", &["query"]),
    (
        "firedrill",
        "firedrill",
        &[
            "telemetry",
            "chassis",
            "user-service",
            "product-service",
            "order-service",
            "loadgen",
            "backend",
            "query",
            "console",
        ],
    ),
];

fn manifest(folder: &str) -> toml::Table {
    let path = checkout().join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn every_dependency_points_the_allowed_way() {
    let ours: BTreeSet<&str> = ALLOWED.iter().map(|(name, ..)| *name).collect();
    for (name, folder, allowed) in ALLOWED {
        let manifest = manifest(folder);
        assert_eq!(manifest["package"]["name"].as_str(), Some(name), "{folder}");
        let dependencies = manifest["dependencies"].as_table().expect("a table");
        for dependency in dependencies.keys().filter(|d| ours.contains(d.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn every_member_of_the_workspace_is_on_the_map() {
    let members: BTreeSet<String> = manifest("")["workspace"]["members"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|member| member.as_str().map(str::to_owned))
        .collect();
    let known: BTreeSet<String> = ALLOWED.iter().map(|(_, folder, _)| (*folder).to_owned()).collect();
    assert_eq!(members, known);
    let map = std::fs::read_to_string(checkout().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for folder in known {
        assert!(map.contains(&format!("`{folder}")), "{folder} is missing in ARCHITECTURE.md");
    }
}

#[test]
fn shared_versions_stand_in_one_place() {
    for (name, folder, _) in ALLOWED {
        let manifest = manifest(folder);
        for table in ["dependencies", "dev-dependencies"] {
            let Some(dependencies) = manifest.get(table).and_then(|t| t.as_table()) else { continue };
            let inherited = |d: &toml::Value| d.get("workspace").and_then(toml::Value::as_bool) == Some(true);
            // A crate that turns on a feature of its own for its tests names itself by its path.
            let own: BTreeMap<_, _> =
                dependencies.iter().filter(|(n, d)| *n != name && !inherited(d)).collect();
            assert!(own.is_empty(), "{name} gives versions of its own: {own:?}");
        }
    }
}

#[test]
fn the_backend_and_its_clients_know_no_service() {
    for folder in ["backend/src", "query/src"] {
        let mut folders = vec![checkout().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).expect("text");
                // Examples in tests may use any name; the code may not.
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let named = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in named {
                    for service in ["user-service", "product-service", "order-service"] {
                        assert!(!line.contains(service), "{}: {line}", path.display());
                    }
                }
            }
        }
    }
}
