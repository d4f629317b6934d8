//! The user service.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{read, unexpected};
use crate::outbound::{Call, Failure, Peer};

/// `service.name` of the peer.
pub(super) const PEER: &str = "user-service";

/// Who orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Customer {
    /// The account's number.
    #[schema(example = 1)]
    pub id: i64,
    /// The person's name.
    #[schema(example = "Alice Johnson")]
    pub name: String,
    /// The address.
    #[schema(example = "alice@example.com")]
    pub email: String,
}

/// What became of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    Yes,
    /// The peer refuses it for good; its status.
    Refused(u16),
}

/// Calls to the user service.
pub(crate) struct Users(Arc<Peer>);

impl Users {
    pub(crate) const NAME: &str = PEER;

    pub(crate) fn new(peer: Arc<Peer>) -> Self {
        Self(peer)
    }

    /// The account, if there is one.
    pub(crate) async fn find(&self, id: i64) -> Result<Option<Customer>, Failure> {
        let call = Call {
            method: Method::GET,
            route: "/users/{id}",
            path: format!("/users/{id}"),
            body: None,
            idempotent: true,
        };
        let answer = self.0.call(&call, self.0.deadline()).await?;
        match answer.status {
            200 => read(PEER, &answer).map(Some),
            404 => Ok(None),
            _ => Err(unexpected(PEER, &answer)),
        }
    }

    /// Tells a user of an event. Idempotent by the event id in `payload`.
    pub(crate) async fn notify(
        &self,
        user: i64,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Delivered, Failure> {
        let call = Call {
            method: Method::POST,
            route: "/users/{id}/notifications",
            path: format!("/users/{user}/notifications"),
            body: Some(payload),
            idempotent: true,
        };
        let answer = self.0.call(&call, deadline).await?;
        match answer.status {
            200 | 201 => Ok(Delivered::Yes),
            // Too slow a body is the network's doing and may work next time.
            408 => Err(unexpected(PEER, &answer)),
            status => Ok(Delivered::Refused(status)),
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.0.deadline()
    }
}
