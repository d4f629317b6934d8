//! What stops a start. Each is one line that says what, where and what to do, and maps to an exit code.

use std::net::SocketAddr;

use telemetry::db::OpenError;
use tokio::net::TcpListener;

use crate::env::ConfigError;
use crate::settings::SettingsError;

/// The service cannot start as things are.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address is taken.
    #[error("port {} on {} is in use; stop the other program or set LISTEN_ADDR", .0.port(), .0.ip())]
    PortInUse(SocketAddr),
    /// The address cannot be bound for another reason.
    #[error("cannot listen on {address}: {source}; set LISTEN_ADDR to another address")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The file of the settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The exit code for a failed run: 2 for a bad setting, 3 when the environment lacks something, 1 for anything else.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.chain().find_map(|cause| cause.downcast_ref::<StartError>()) {
        Some(StartError::Config(_)) => 2,
        Some(_) => 3,
        None => 1,
    }
}

/// Binds the public listener.
///
/// # Errors
/// When the address is taken or not ours.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => StartError::PortInUse(address),
        _ => StartError::Bind { address, source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_one_clear_line_and_exit_3() {
        let first = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(address).await.unwrap_err();
        let line = error.to_string();
        assert!(line.contains(&address.port().to_string()) && line.contains("in use"), "{line}");
        assert!(!line.contains('\n'));
        assert_eq!(exit_code(&anyhow::Error::new(error).context("start")), 3);
    }
}
