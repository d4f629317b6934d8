//! Where the statements of one order run: each transaction on a connection of its own, or all on one that the order keeps.

use telemetry::db::{Connection, Database, Error, Transaction};

use super::settings::ConnectionScope;
use crate::App;

/// The connections of one order.
pub(super) enum Statements {
    /// A transaction takes a connection and gives it back.
    Apart(Database),
    /// One connection from the first step to the last.
    Together(Box<Connection>),
}

impl Statements {
    pub(super) async fn of(app: &App) -> Result<Self, Error> {
        Ok(match app.order_settings.connection_scope.get() {
            ConnectionScope::Query => Self::Apart(app.database.clone()),
            ConnectionScope::Request => Self::Together(Box::new(app.database.acquire().await?)),
        })
    }

    /// Begins a transaction.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        match self {
            Self::Apart(database) => database.begin().await,
            Self::Together(connection) => connection.begin().await,
        }
    }
}
