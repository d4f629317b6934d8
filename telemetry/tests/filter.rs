//! `RUST_LOG` says which events are written: by level, by target, and by the span in which they happen.

mod support;

use support::{observe, quiet};

/// The messages that are written of three: one of another target, one within a span, and a warning.
async fn written(filter: &str) -> Vec<String> {
    let observed = observe(telemetry::Config { filter: filter.to_owned(), ..quiet("order-service") });
    tracing::info!(target: "library", "connected");
    tracing::info_span!("order", id = 7).in_scope(|| tracing::info!("placed"));
    tracing::warn!("late");
    let lines = observed.json_lines().await;
    lines.iter().map(|line| line["message"].as_str().expect("a message").to_owned()).collect()
}

#[tokio::test]
async fn levels_targets_and_spans_choose_the_events() {
    for (filter, expected) in [
        ("info", vec!["connected", "placed", "late"]),
        ("warn", vec!["late"]),
        ("INFO,,library=off", vec!["placed", "late"]),
        ("library", vec!["connected"]),
        ("warn,[order]=info", vec!["placed", "late"]),
        ("warn,[order{id=8}]=info", vec!["late"]),
        ("off", vec![]),
    ] {
        assert_eq!(written(filter).await, expected, "{filter}");
    }
}
