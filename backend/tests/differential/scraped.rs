//! One page, scraped by a real Prometheus and by ours: the same series must be stored under the same names.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Client;
use serde_json::json;

use super::prometheus::Prometheus;
use crate::harness::{TestBackend, until};
use crate::scrape::Target;

/// Bounds and quantiles in every notation that targets use.
const OPEN_METRICS: &str = include_str!("scraped.openmetrics");
/// The older format, which differs in what may stand in it.
const TEXT: &str = include_str!("scraped.txt");

type Series = BTreeMap<BTreeMap<String, String>, String>;

/// What is stored of the targets of this job, without what the scraper itself adds.
async fn stored(client: &Client, base: &str, job: &str) -> Series {
    let query = format!(r#"{{job="{job}",__name__!~"up|scrape_.+"}}"#);
    let url = format!("{base}/api/v1/query");
    let Ok(answer) = client.get(url).query(&[("query", query)]).send().await else { return Series::new() };
    let body: serde_json::Value = answer.json().await.unwrap_or_default();
    let found = body["data"]["result"].as_array().cloned().unwrap_or_default();
    let series = found.into_iter().map(|mut sample| {
        let labels = serde_json::from_value(sample["metric"].take()).expect("labels");
        (labels, sample["value"][1].as_str().expect("text").to_owned())
    });
    series.collect()
}

#[tokio::test]
async fn a_page_is_stored_under_the_names_that_prometheus_gives() {
    let pages = [
        ("open", "application/openmetrics-text; version=1.0.0; charset=utf-8", OPEN_METRICS),
        ("text", "text/plain; version=0.0.4; charset=utf-8", TEXT),
    ];
    let (mut config, mut groups) = (String::new(), Vec::new());
    for (job, content_type, page) in pages {
        let target = Target::of(content_type);
        target.answer(page);
        let address = target.serve().await;
        config += &format!("- {{job_name: {job}, static_configs: [{{targets: ['{address}']}}]}}\n");
        groups.push(json!({"targets": [address], "labels": {"job": job}}));
    }
    let config =
        format!("global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs:\n{config}");
    let client = Client::new();
    let Some(real) = Prometheus::with_config(&client, &config).await else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("targets.json");
    std::fs::write(&file, json!(groups).to_string()).expect("written");
    let backend = TestBackend::with(|c| {
        c.scrape_file = Some(file.clone());
        c.scrape_interval = Duration::from_millis(200);
    })
    .await;
    for (job, _, page) in pages {
        for base in [&real.url, &backend.prometheus] {
            until("the page is stored", || async { !stored(&client, base, job).await.is_empty() }).await;
        }
        let theirs = stored(&client, &real.url, job).await;
        assert!(theirs.len() >= page.lines().filter(|l| !l.starts_with('#')).count(), "{theirs:#?}");
        assert_eq!(stored(&client, &backend.prometheus, job).await, theirs, "{job}");
    }
    backend.stop().await;
}
