//! The settings of instances that come: those that were asked for, or those of an instance that runs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Instance, Refused};
use crate::{
    failure::{Code, Failure},
    settings_control::SettingsControl,
};

/// The settings of an instance that are other than by default.
pub(super) async fn changed(of: Option<SettingsControl>) -> Result<BTreeMap<String, Value>, Refused> {
    let Some(control) = of else { return Ok(BTreeMap::new()) };
    let shown = control.get().await.map_err(refused)?;
    let changed = shown.settings.into_iter().filter(|(_, setting)| setting.value != setting.default);
    Ok(changed.map(|(key, setting)| (key, setting.value)).collect())
}

/// Sets all of them or none.
pub(super) async fn set(
    of: Option<SettingsControl>,
    settings: &BTreeMap<String, Value>,
) -> Result<(), Refused> {
    match of.filter(|_| !settings.is_empty()) {
        Some(control) => control.set(settings).await.map(drop).map_err(refused),
        None => Ok(()),
    }
}

/// A client of an instance's settings.
pub(super) fn of(instance: &Instance, token: &str) -> Option<SettingsControl> {
    SettingsControl::at(instance.service(), instance.admin_url()?, token.to_owned()).ok()
}

fn refused(failure: Failure) -> Refused {
    match failure.code {
        Code::BadArguments => Refused::Wrong(failure.message),
        _ => Refused::Failed(failure.message),
    }
}
