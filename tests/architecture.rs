//! Manifests and sources keep the rules that ARCHITECTURE.md draws: who depends on whom, who knows what, how long a file is.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use crate::harness::checkout;

/// Each package, and which of ours it may depend on.
const ALLOWED: [(&str, &str, &[&str]); 17] = [
    ("telemetry", "telemetry", &[]),
    ("unread", "unread", &[]),
    ("balance", "balance", &[]),
    ("yaml", "yaml", &[]),
    ("chassis", "services/chassis", &["telemetry", "unread"]),
    ("user-service", "services/user-service", &["telemetry", "chassis"]),
    ("product-service", "services/product-service", &["telemetry", "chassis"]),
    ("order-service", "services/order-service", &["telemetry", "chassis", "balance"]),
    ("loadgen", "loadgen", &["telemetry", "unread", "balance"]),
    ("backend", "backend", &["unread", "yaml"]),
    ("query", "query", &[]),
    ("slo", "slo", &["query", "yaml"]),
    ("console", "console", &["unread", "query"]),
    ("drills", "drills", &["causes", "loadgen", "query"]),
    ("causes", "drills/causes", &[]),
    // Whoever investigates must not know the truth: neither who makes incidents nor who tells them.
    ("investigator", "drills/investigator", &["query", "causes"]),
    (
        "firedrill",
        "firedrill",
        &[
            "telemetry",
            "chassis",
            "balance",
            "user-service",
            "product-service",
            "order-service",
            "loadgen",
            "backend",
            "query",
            "slo",
            "console",
            "causes",
            "drills",
            "investigator",
        ],
    ),
];

/// What a package may use beyond that to test itself, and why.
const FOR_TESTS: [(&str, &str, &str); 3] = [
    ("chassis", "chassis", "itself, with the feature that holds what the services' tests share"),
    ("order-service", "user-service", "its trace test runs an order through its real neighbours"),
    ("order-service", "product-service", "its trace test runs an order through its real neighbours"),
];

/// The most lines of a source file.
const LONGEST: usize = 450;

const SERVICES: [&str; 3] = ["user-service", "product-service", "order-service"];

fn manifest(folder: &str) -> toml::Table {
    let path = checkout().join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The dependencies of one kind, those for one platform alone among them, by the name of their package.
fn dependencies(manifest: &toml::Table, kind: &str) -> BTreeMap<String, toml::Value> {
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let tables = platforms.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table);
    let tables = [manifest].into_iter().chain(tables).filter_map(|table| table.get(kind)?.as_table());
    let all = tables.flatten().map(|(name, how)| {
        let package = how.get("package").and_then(toml::Value::as_str).unwrap_or(name);
        (package.to_owned(), how.clone())
    });
    all.collect()
}

/// Every Rust file below a folder of the checkout, by its path there, and its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![checkout().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let built = name == "target" || name.to_string_lossy().starts_with('.');
            if path.is_dir() && !built {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).expect("text");
                found.push((path.strip_prefix(checkout()).expect("below it").to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds no source");
    found
}

/// The lines of a file that are neither tests nor comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn every_dependency_points_the_allowed_way() {
    let ours: BTreeSet<&str> = ALLOWED.iter().map(|(name, ..)| *name).collect();
    let mut for_tests = BTreeSet::new();
    for (name, folder, allowed) in ALLOWED {
        let manifest = manifest(folder);
        assert_eq!(manifest["package"]["name"].as_str(), Some(name), "{folder}");
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for dependency in dependencies(&manifest, kind).into_keys().filter(|d| ours.contains(d.as_str()))
            {
                if allowed.contains(&dependency.as_str()) {
                    continue;
                }
                assert_eq!(kind, "dev-dependencies", "{name} must not depend on {dependency}");
                for_tests.insert((name.to_owned(), dependency));
            }
        }
    }
    let known: BTreeSet<_> = FOR_TESTS.iter().map(|(a, b, _)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert_eq!(for_tests, known, "what only tests depend on is what the list says, no more and no less");
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
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = dependencies(&manifest, kind);
            let inherited = |d: &toml::Value| d.get("workspace").and_then(toml::Value::as_bool) == Some(true);
            // A crate that turns on a feature of its own for its tests names itself by its path.
            let own: BTreeMap<_, _> =
                dependencies.iter().filter(|(n, d)| *n != name && !inherited(d)).collect();
            assert!(own.is_empty(), "{name} gives versions of its own: {own:?}");
        }
    }
}

#[test]
fn the_backend_its_clients_and_the_investigator_know_no_service() {
    for folder in ["backend/src", "query/src", "drills/investigator/src"] {
        for (path, text) in sources(folder) {
            // Examples in tests may use any name; the code may not.
            for line in code(&text) {
                for service in SERVICES {
                    let known = line.contains(service) || line.contains(&service.replace('-', "_"));
                    assert!(!known, "{}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn services_share_no_types() {
    for service in SERVICES {
        for (path, text) in sources(&format!("services/{service}/src")) {
            for other in SERVICES.iter().filter(|other| **other != service) {
                let path_of_other = format!("{}::", other.replace('-', "_"));
                assert!(!text.contains(&path_of_other), "{} names {path_of_other}", path.display());
            }
        }
    }
    // Nor by way of what they all depend on: that knows no word of the shop.
    for folder in ["services/chassis/src", "telemetry/src"] {
        for (path, text) in sources(folder) {
            for line in code(&text) {
                for word in ["user_id", "product_id", "order_id", "reservation"] {
                    assert!(!line.contains(word), "{}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn nothing_is_called_common_or_utils() {
    let vague = ["common", "commons", "util", "utils", "helpers", "misc"];
    for (name, ..) in ALLOWED {
        let vague = name.split('-').any(|word| vague.contains(&word));
        assert!(!vague, "{name} does not say what it is");
    }
    for (path, _) in sources("") {
        let vague = path.with_extension("").iter().any(|part| vague.contains(&&*part.to_string_lossy()));
        assert!(!vague, "{} does not say what it is", path.display());
    }
}

#[test]
fn no_source_file_is_too_long_to_read() {
    for (path, text) in sources("") {
        let lines = text.lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines; split it where its subject does", path.display());
    }
}

/// The words of an identifier or a text, in lower case: `HeaderInjector` is two, `inject_context` too.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        let begins = c.is_uppercase() && before.is_lowercase();
        if (begins || !c.is_alphabetic()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            words.last_mut().expect("there is one").extend(c.to_lowercase());
        }
        before = c;
    }
    words
}

/// What a service is made to suffer is a setting, a deploy, data, a network or a client like any other: it can tell nobody.
#[test]
fn services_do_not_know_why_they_suffer() {
    assert_eq!(
        words("HeaderInjector::inject_context, Firedrill").join(" "),
        "header injector inject context firedrill"
    );
    const NEVER: [&str; 5] = ["fault", "chaos", "drill", "inject", "incident"];
    // OpenTelemetry's own words for the writing of headers.
    const THEIRS: [&str; 2] = ["HeaderInjector", "inject_context"];
    for folder in ["services", "telemetry"] {
        let mut folders = vec![checkout().join(folder)];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let mut text = std::fs::read_to_string(&path).expect("text");
                for theirs in THEIRS {
                    text = text.replace(theirs, "");
                }
                text.push_str(&format!(" {}", path.strip_prefix(checkout()).expect("below it").display()));
                for word in words(&text) {
                    let known = NEVER.iter().find(|never| word.starts_with(**never));
                    assert!(known.is_none(), "{word:?} stands in {}", path.display());
                }
                seen += 1;
            }
        }
        assert!(seen > 30, "{folder} was read");
    }
}
