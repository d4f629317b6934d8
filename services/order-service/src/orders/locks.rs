//! Orders that wait for each other: those that want one product, or all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::settings::ItemLock;

type Lock = Arc<tokio::sync::Mutex<()>>;

/// The locks; those of products are there while somebody holds them or waits for them.
#[derive(Default)]
pub(crate) struct ItemLocks {
    all: Lock,
    products: Mutex<HashMap<i64, Lock>>,
}

/// Locks that an order holds until this is dropped.
pub(super) struct Held<'a> {
    guards: Vec<OwnedMutexGuard<()>>,
    of: &'a ItemLocks,
}

impl ItemLocks {
    /// Waits for the locks of an order. `products` are in ascending order, so that no two orders wait for each other.
    pub(super) async fn hold(&self, lock: ItemLock, products: &[i64]) -> Held<'_> {
        let mut held = Held { guards: Vec::new(), of: self };
        match lock {
            ItemLock::None => {}
            ItemLock::Global => held.guards.push(Arc::clone(&self.all).lock_owned().await),
            ItemLock::Product => {
                for product in products {
                    let lock = Arc::clone(self.products().entry(*product).or_default());
                    held.guards.push(lock.lock_owned().await);
                }
            }
        }
        held
    }

    /// Consistent after each statement, so a panic elsewhere does not spoil it.
    fn products(&self) -> MutexGuard<'_, HashMap<i64, Lock>> {
        self.products.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.guards.is_empty() {
            return;
        }
        self.guards.clear();
        // Whoever waits for one has a clone of it.
        self.of.products().retain(|_, lock| Arc::strong_count(lock) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn orders_of_one_product_wait_for_each_other_and_others_do_not() {
        let locks = ItemLocks::default();
        let first = locks.hold(ItemLock::Product, &[1, 2]).await;
        let free = async |lock, products: &[i64]| {
            tokio::select! {
                biased;
                _ = locks.hold(lock, products) => true,
                () = std::future::ready(()) => false,
            }
        };
        assert!(!free(ItemLock::Product, &[2, 3]).await);
        assert!(free(ItemLock::Product, &[3]).await);
        assert!(free(ItemLock::None, &[1]).await);
        drop(first);
        assert!(free(ItemLock::Product, &[1, 2, 3]).await);
        assert!(locks.products().is_empty(), "locks that nobody holds are gone");
    }

    #[tokio::test]
    async fn a_global_lock_is_one_for_all() {
        let locks = ItemLocks::default();
        let _first = locks.hold(ItemLock::Global, &[1]).await;
        tokio::select! {
            biased;
            _ = locks.hold(ItemLock::Global, &[2]) => panic!("there is but one"),
            () = std::future::ready(()) => {}
        }
    }
}
