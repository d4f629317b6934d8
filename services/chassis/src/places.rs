//! Places for those who do something at the same time, whose number can change while some are taken.
//!
//! Fewer places take effect at once for those who come, and for those who are there when they leave: nobody is sent away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places. Clones share them.
#[derive(Debug, Clone)]
pub struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    free: Arc<Semaphore>,
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    places: usize,
    /// Taken places that are to vanish when they are given back.
    owed: usize,
}

/// A place that is taken; dropped, it is free again.
#[derive(Debug)]
pub struct Place {
    permit: Option<OwnedSemaphorePermit>,
    of: Arc<Inner>,
}

impl Places {
    /// So many places, all free.
    #[must_use]
    pub fn new(places: usize) -> Self {
        let free = Arc::new(Semaphore::new(places));
        Self(Arc::new(Inner { free, size: Mutex::new(Size { places, owed: 0 }) }))
    }

    /// Waits for a place, first come first served.
    pub async fn take(&self) -> Option<Place> {
        // It is never closed, and a place that is refused is a place that is not there.
        let permit = Arc::clone(&self.0.free).acquire_owned().await.ok()?;
        Some(self.place(permit))
    }

    /// A place, if one is free.
    #[must_use]
    pub fn try_take(&self) -> Option<Place> {
        let permit = Arc::clone(&self.0.free).try_acquire_owned().ok()?;
        Some(self.place(permit))
    }

    /// Lets there be so many places from now on.
    pub fn resize(&self, places: usize) {
        let mut size = self.0.size();
        if places >= size.places {
            let more = places - size.places;
            let kept = more.min(size.owed);
            size.owed -= kept;
            self.0.free.add_permits(more - kept);
        } else {
            let less = size.places - places;
            size.owed += less - self.0.free.forget_permits(less);
        }
        size.places = places;
    }

    fn place(&self, permit: OwnedSemaphorePermit) -> Place {
        Place { permit: Some(permit), of: Arc::clone(&self.0) }
    }
}

impl Inner {
    /// Both numbers change together, so a panic elsewhere cannot part them.
    fn size(&self) -> MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut size = self.of.size();
        if size.owed > 0 {
            size.owed -= 1;
            permit.forget();
        } else {
            // While the lock keeps the number of places as it is.
            drop(permit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[tokio::test]
    async fn fewer_places_are_fewer_once_those_who_are_there_have_left() {
        let places = Places::new(3);
        let (first, second) = (places.try_take().unwrap(), places.try_take().unwrap());
        places.resize(1);
        assert!(places.try_take().is_none());
        drop(first);
        assert!(places.try_take().is_none(), "one of one place is still taken");
        drop(second);
        assert!(places.try_take().is_some());
    }

    #[tokio::test]
    async fn whoever_waits_gets_a_place_that_is_added() {
        let places = Places::new(1);
        let _taken = places.try_take().unwrap();
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take().await.is_some() }
        });
        tokio::task::yield_now().await;
        places.resize(2);
        assert!(waiting.await.unwrap());
    }

    proptest! {
        #[test]
        fn no_more_are_in_than_there_are_places_and_none_is_lost(
            steps in proptest::collection::vec((0_u8..3, 0_usize..6), 1..200),
        ) {
            let places = Places::new(3);
            let (mut size, mut taken) = (3, Vec::new());
            for (step, number) in steps {
                match step {
                    0 => {
                        let place = places.try_take();
                        prop_assert_eq!(place.is_some(), taken.len() < size);
                        taken.extend(place);
                    }
                    1 => drop(taken.pop()),
                    _ => {
                        places.resize(number);
                        size = number;
                    }
                }
            }
            taken.clear();
            prop_assert_eq!(std::iter::from_fn(|| places.try_take()).take(100).collect::<Vec<_>>().len(), size);
        }
    }
}
