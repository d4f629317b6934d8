//! The product service.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::{read, unexpected};
use crate::Cents;
use crate::outbound::{Answer, Call, Failure, Peer};

/// `service.name` of the peer.
pub(super) const PEER: &str = "product-service";

/// A product, as far as an order cares.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Product {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) price: Cents,
}

#[derive(Debug, Deserialize)]
struct Batch {
    products: Vec<Product>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    detail: String,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReserveError {
    /// Not enough left; what the peer says about it.
    OutOfStock(String),
    /// The product vanished between look-up and reserve.
    Gone,
    /// No usable answer.
    Failed(Failure),
}

/// Calls to the product service.
pub(crate) struct Products(Arc<Peer>);

impl Products {
    pub(crate) const NAME: &str = PEER;

    pub(crate) fn new(peer: Arc<Peer>) -> Self {
        Self(peer)
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.0.deadline()
    }

    /// Those of `ids` that exist.
    pub(crate) async fn find(&self, ids: &[i64]) -> Result<Vec<Product>, Failure> {
        let body = json!({ "ids": ids });
        let answer =
            self.post("/products/batch", "/products/batch".to_owned(), &body, self.deadline()).await?;
        match answer.status {
            200 => read::<Batch>(PEER, &answer).map(|batch| batch.products),
            _ => Err(unexpected(PEER, &answer)),
        }
    }

    /// The same with a call for each of them, one after another.
    pub(crate) async fn find_each(&self, ids: &[i64]) -> Result<Vec<Product>, Failure> {
        let deadline = self.deadline();
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let (route, path) = ("/products/{id}", format!("/products/{id}"));
            let call = Call { method: Method::GET, route, path, body: None, idempotent: true };
            let answer = self.0.call(&call, deadline).await?;
            match answer.status {
                200 => found.push(read(PEER, &answer)?),
                404 => {}
                _ => return Err(unexpected(PEER, &answer)),
            }
        }
        Ok(found)
    }

    /// Sets units aside; the same reservation id may be sent again.
    pub(crate) async fn reserve(
        &self,
        product: i64,
        quantity: i64,
        reservation: &str,
        deadline: Instant,
    ) -> Result<(), ReserveError> {
        let body = json!({ "quantity": quantity, "reservation_id": reservation });
        let path = format!("/products/{product}/reserve");
        let answer = self.post("/products/{id}/reserve", path, &body, deadline).await;
        let answer = answer.map_err(ReserveError::Failed)?;
        match answer.status {
            200 => Ok(()),
            404 => Err(ReserveError::Gone),
            409 => {
                let refusal: Refusal = read(PEER, &answer).map_err(ReserveError::Failed)?;
                if refusal.kind.ends_with(":out-of-stock") {
                    Err(ReserveError::OutOfStock(refusal.detail))
                } else {
                    Err(ReserveError::Failed(unexpected(PEER, &answer)))
                }
            }
            _ => Err(ReserveError::Failed(unexpected(PEER, &answer))),
        }
    }

    /// Gives units back; the same release may be sent again, and even before its reserve arrived.
    pub(crate) async fn release(
        &self,
        product: i64,
        reservation: &str,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let body = json!({ "reservation_id": reservation });
        let path = format!("/products/{product}/release");
        let answer = self.post("/products/{id}/release", path, &body, deadline).await?;
        match answer.status {
            // A product that is not there holds nothing.
            200 | 404 => Ok(()),
            _ => Err(unexpected(PEER, &answer)),
        }
    }

    async fn post(
        &self,
        route: &'static str,
        path: String,
        body: &serde_json::Value,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let body = Some(Bytes::from(body.to_string()));
        self.0.call(&Call { method: Method::POST, route, path, body, idempotent: true }, deadline).await
    }
}
