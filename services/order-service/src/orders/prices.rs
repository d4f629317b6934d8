//! What products were called and cost when an order last asked: for orders that take that instead of asking again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::neighbours::Product;

/// The most products that are remembered.
const MOST: usize = 10_000;

/// Products as they were, and when.
#[derive(Default)]
pub(crate) struct PriceList(Mutex<HashMap<i64, (Instant, Product)>>);

impl PriceList {
    /// Those of `ids` that were asked for not longer ago than `ttl`, and the ids of the others.
    pub(super) fn known(&self, ids: &[i64], ttl: Duration) -> (Vec<Product>, Vec<i64>) {
        let list = self.list();
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for id in ids {
            match list.get(id).filter(|(at, _)| at.elapsed() < ttl) {
                Some((_, product)) => known.push(product.clone()),
                None => unknown.push(*id),
            }
        }
        (known, unknown)
    }

    /// Remembers what was found now.
    pub(super) fn keep(&self, found: &[Product]) {
        let mut list = self.list();
        for product in found {
            if list.len() >= MOST && !list.contains_key(&product.id) {
                list.clear();
            }
            list.insert(product.id, (Instant::now(), product.clone()));
        }
    }

    /// Consistent after each statement, so a panic elsewhere does not spoil it.
    fn list(&self) -> MutexGuard<'_, HashMap<i64, (Instant, Product)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cents;

    #[tokio::test(start_paused = true)]
    async fn a_price_serves_for_its_time_and_no_longer() {
        let list = PriceList::default();
        let hub = Product { id: 1, name: "Hub".to_owned(), price: Cents(100) };
        list.keep(std::slice::from_ref(&hub));
        let ttl = Duration::from_secs(60);
        assert_eq!(list.known(&[1, 2], ttl), (vec![hub], vec![2]));
        tokio::time::advance(ttl).await;
        assert_eq!(list.known(&[1], ttl), (vec![], vec![1]));
    }

    #[test]
    fn no_more_products_are_remembered_than_there_is_room_for() {
        let list = PriceList::default();
        for id in 0..MOST as i64 + 1 {
            list.keep(&[Product { id, name: String::new(), price: Cents(1) }]);
        }
        assert_eq!(list.list().len(), 1);
    }
}
