//! The network between the processes of a stack as a child: one listener for each link, and one where links are looked at and
//! changed.

use std::collections::BTreeMap;

use loadgen::relay::{self, Link};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::environment::text;
use crate::failure::Failure;

/// Carries the links' bytes until `stop`. Where each of the listeners leads, the environment says.
pub(super) async fn run(
    control: TcpListener,
    listeners: BTreeMap<String, TcpListener>,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let token = text("ADMIN_TOKEN")?;
    let targets: BTreeMap<String, String> = serde_json::from_str(&text("NETWORK_LINKS")?)
        .map_err(|e| Failure::environment(format!("NETWORK_LINKS is no list of links: {e}")))?;
    let links = listeners.into_iter().map(|(name, listener)| {
        let target = targets.get(&name).cloned();
        let target =
            target.ok_or_else(|| Failure::environment(format!("NETWORK_LINKS says nothing of {name}")))?;
        Ok(Link { name, listener, target })
    });
    let links = links.collect::<Result<Vec<_>, Failure>>()?;
    relay::run(links, control, &token, async move { stop.cancelled().await }).await?;
    Ok(())
}
