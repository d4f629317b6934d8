//! The list of scrape targets, in the form of Prometheus' `file_sd`.

use std::{collections::BTreeMap, io, net::SocketAddr, path::Path};

use serde_json::json;

/// Writes the targets at once and whole, each under its own `job`.
pub(super) fn write(path: &Path, targets: &BTreeMap<&str, SocketAddr>) -> io::Result<()> {
    let list: Vec<_> = targets
        .iter()
        .map(|(job, address)| json!({"targets": [address.to_string()], "labels": {"job": job}}))
        .collect();
    let temporary = path.with_extension("json.new");
    std::fs::write(&temporary, serde_json::to_string_pretty(&list)?)?;
    std::fs::rename(temporary, path)
}
