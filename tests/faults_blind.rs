//! While faults are on, nothing that somebody on the stack can see names one of them: telemetry, answers, pages, processes, files.

use std::{path::Path, process::Stdio};

use loadgen::faults;
use regex::Regex;

use crate::harness::{Setup, Stack, checkout, command, eventually, working_in};

/// Each fault for a second, one after the other.
fn requests() -> Vec<String> {
    let acting = faults::all().expect("a catalogue").into_iter().filter(|fault| !fault.steps.is_empty());
    acting.enumerate().map(|(nth, fault)| format!("{}@{}ms+1s", fault.name, 500 + 1_250 * nth)).collect()
}

/// What would give one away.
fn telling() -> Regex {
    let mut words: Vec<String> =
        ["fault", "faults", "chaos", "inject", "injected", "injection", "drill", "sabotage"]
            .map(str::to_owned)
            .into();
    for fault in faults::all().expect("a catalogue") {
        // One word alone, such as the name of the one that does nothing, is everybody's.
        if fault.name.contains('-') {
            words.push(fault.name.replace('-', "[-_ ]?"));
        }
        words.extend(fault.tells.iter().map(|tell| regex::escape(tell)));
    }
    Regex::new(&format!(r"(?i)(\b|_)({})(\b|_)", words.join("|"))).expect("a pattern")
}

/// A text without what Jaeger says of its own accord about any span whose parent it has not got, or which begins before it.
fn without_warnings_of_jaeger(text: &str) -> String {
    text.replace("clock skew adjustment", "")
}

/// Arguments and environment of the processes of this home. Where the program was built is nothing that it tells.
fn processes(home: &Path) -> String {
    let built = checkout().display().to_string();
    let read = |pid: u32, what: &str| std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
    let texts = working_in(home).into_iter().flat_map(|pid| [read(pid, "cmdline"), read(pid, "environ")]);
    texts
        .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " ").replace(&built, ""))
        .collect::<Vec<_>>()
        .join("\n")
}

async fn get(stack: &Stack, url: String) -> String {
    let answer = stack.http.get(&url).bearer_auth(&stack.run.admin_token).send().await.expect("an answer");
    let headers = format!("{:?}", answer.headers());
    format!("{url}\n{headers}\n{}", answer.text().await.expect("a text"))
}

/// All that the parts of the stack answer.
async fn answers(stack: &Stack) -> Vec<String> {
    let part = |name: &str, path: &str| format!("{}{path}", stack.url(name));
    let mut urls = vec![
        part("prometheus", "/api/v1/label/__name__/values"),
        part("prometheus", "/api/v1/metadata"),
        part("prometheus", "/api/v1/series?match[]=%7B__name__%3D~%22.%2B%22%7D"),
        part("loki", "/loki/api/v1/query_range?query=%7Bservice_name%3D~%22.%2B%22%7D&limit=5000"),
        part("console", "/"),
        part("loadgen", "/metrics"),
        part("loadgen", "/status"),
        part("control", "/services"),
    ];
    for service in ["user-service", "product-service", "order-service"] {
        urls.extend(["/metrics", "/openapi.json", "/products/1", "/nowhere"].map(|path| part(service, path)));
        urls.extend(["/settings", "/history"].map(|path| format!("{}{path}", stack.run.admin_urls[service])));
    }
    for service in ["user-service", "product-service", "order-service", "loadgen"] {
        urls.push(part("jaeger", &format!("/api/traces?service={service}&limit=300&lookback=1h")));
    }
    let mut texts = Vec::new();
    for url in urls {
        texts.push(get(stack, url).await);
    }
    texts
}

/// What the parts have written.
fn files(home: &Path) -> Vec<String> {
    let logs = std::fs::read_dir(home.join("logs")).into_iter().flatten().flatten();
    logs.map(|entry| std::fs::read(entry.path()).unwrap_or_default())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

#[tokio::test]
async fn nothing_that_can_be_seen_names_a_fault_that_is_on() {
    let telling = telling();
    let told = "slow-network@1s+1s: pool_exhaustion was injected, context lost";
    assert_eq!(telling.find_iter(told).count(), 4, "the pattern finds what it should");

    let stack = Setup::default().arg("--rps").arg("10").start().await;
    let home = stack.home.path();
    let mut load = command(home);
    load.args(["load", "--rps", "10", "--for", "40s", "--lag-budget", "60s"]);
    for request in requests() {
        load.arg("--fault").arg(request);
    }
    let load = load.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("firedrill starts");
    let seen = eventually("faults that are on", || async {
        let processes = processes(home);
        processes.contains("--sealed").then_some(processes)
    })
    .await;
    let output = load.wait_with_output().await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // Thresholds are missed: that is what faults are for.
    assert!(matches!(output.status.code(), Some(0 | 99)), "{said}");

    let told = [seen, said, String::from_utf8_lossy(&output.stdout).into_owned(), processes(home)];
    for text in told.into_iter().chain(answers(&stack).await).chain(files(home)) {
        let text = without_warnings_of_jaeger(&text);
        let found = telling.find(&text).map(|found| {
            let around = text.get(found.start().saturating_sub(80)..(found.end() + 80).min(text.len()));
            format!("{:?} in …{}…", found.as_str(), around.unwrap_or(&text))
        });
        assert_eq!(found, None, "{}", text.lines().next().unwrap_or_default());
    }
}
