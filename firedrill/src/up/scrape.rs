//! The list of scrape targets, in the form of Prometheus' `file_sd`.

use std::{collections::BTreeMap, io, net::SocketAddr, path::Path};

use serde_json::json;

use crate::home::write_whole;

/// Writes the targets, each under its own `job`.
pub(super) fn write(path: &Path, targets: &BTreeMap<&str, SocketAddr>) -> io::Result<()> {
    let list: Vec<_> = targets
        .iter()
        .map(|(job, address)| json!({"targets": [address.to_string()], "labels": {"job": job}}))
        .collect();
    write_whole(path, &serde_json::to_string_pretty(&list)?)
}
