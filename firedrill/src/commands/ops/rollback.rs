//! `firedrill ops rollback`: a version that is deployed goes; where there is none, the settings go back.

use reqwest::Method;
use serde_json::Value;

use super::{super::output, settings};
use crate::{
    cli::OpsRollback,
    failure::{Code, Outcome},
    run_file::RunFile,
    settings_control::SettingsControl,
    stack_control::StackControl,
};

/// Undoes the last thing that was done. Whoever names a revision means the settings.
pub(super) async fn run(run: &RunFile, options: &OpsRollback, json: bool) -> Outcome {
    // First, because it knows the service's name or the nearest one.
    let admin = SettingsControl::of(run, &options.service)?;
    let control = StackControl::of(run)?;
    let services = control.ask(Method::GET, "/services", None).await?;
    let Some(removed) = deployed(&services, &options.service).filter(|_| options.to.is_none()) else {
        return settings::roll_back(run, options, json).await;
    };
    control.ask(Method::DELETE, &format!("/services/{}/deploy", options.service), None).await?;
    if json {
        let mut object = settings::object(&admin.get().await?)?;
        object["removed"] = removed.clone();
        output::json(&object);
    } else {
        let text = |key: &str| removed[key].as_str().unwrap_or_default();
        output::print(&format!("{}, version {}, is gone", text("instance"), text("version")));
    }
    Ok(Code::Good)
}

/// The instance that was deployed beside a service.
fn deployed<'a>(services: &'a Value, service: &str) -> Option<&'a Value> {
    let own = services["services"].as_array()?.iter().find(|entry| entry["service"] == service)?;
    own["instances"].as_array()?.iter().find(|instance| instance["deployed"] == true)
}
