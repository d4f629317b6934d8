//! Contracts are judged by the routes that a real Alertmanager follows: its own tool sends every alert to the same receivers.

use std::collections::BTreeMap;

use firedrill::objectives::routes::Routes;
use slo::{
    contract::{Routing as _, labels},
    generate::TIERS,
};

use crate::harness::{checkout, native, said};

#[tokio::test]
async fn amtool_sends_every_alert_to_the_receiver_that_contracts_are_judged_by() {
    let Some(amtool) = native::program("amtool") else { return };
    let slos = slo::files::specs(Some(&checkout().join("slo"))).expect("good specs");
    let routes = Routes::open().expect("the routes");
    let config =
        format!("--config.file={}", checkout().join("stack/alertmanager/alertmanager.yaml").display());
    let mut reached: BTreeMap<String, usize> = BTreeMap::new();
    for slo in &slos {
        let tiers = TIERS.iter().map(|tier| Some(tier.name)).chain(slo.silence.map(|_| None));
        for tier in tiers {
            let labels = labels(slo, tier);
            let mut args = vec!["config".to_owned(), "routes".into(), "test".into(), config.clone()];
            args.extend(labels.iter().map(|(name, value)| format!("{name}={value}")));
            let output = native::run(&amtool, &args).await;
            assert!(output.status.success(), "{}", said(&output));
            let theirs = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            assert_eq!(routes.receivers(&labels).join(","), theirs, "{labels:?}");
            *reached.entry(theirs).or_default() += 1;
        }
    }
    assert!(reached["pager"] >= 2 * slos.len() && reached["tickets"] >= 2 * slos.len(), "{reached:?}");
}
