//! Password checks: argon2id on the blocking pool, behind a bulkhead, because each holds megabytes and a core.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::config::SessionConfig;
use crate::seed::DEMO_HASH;

/// Longest password that is looked at, in bytes.
pub(crate) const MAX_PASSWORD: usize = 256;

/// Checks passwords, a few at a time.
pub(super) struct Checker {
    permits: Arc<Semaphore>,
    queue: Duration,
    params: Params,
}

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Wrong,
    /// Right; with a new hash when the stored one has another cost than the configured one.
    Right(Option<String>),
}

/// All turns were taken for as long as a login may wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overloaded;

impl Checker {
    pub(super) fn new(config: &SessionConfig) -> Self {
        let params = Params::new(config.hash_memory_kib, config.hash_iterations, 1, None);
        Self {
            permits: Arc::new(Semaphore::new(config.hash_concurrency)),
            queue: config.hash_queue,
            // The bounds of the configuration lie within argon2's own.
            params: params.unwrap_or_default(),
        }
    }

    /// Compares. Without a stored hash it computes all the same, so that the time does not tell whether the account exists.
    pub(super) async fn check(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<Verdict, Overloaded> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = match tokio::time::timeout(self.queue, permit).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(Overloaded),
        };
        let params = self.params.clone();
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            compare(password.as_bytes(), stored.as_deref(), params)
        });
        let span = tracing::info_span!("password check", otel.kind = "internal");
        work.instrument(span).await.map_err(|_| Overloaded)
    }
}

fn compare(password: &[u8], stored: Option<&str>, wanted: Params) -> Verdict {
    let Ok(hash) = PasswordHash::new(stored.unwrap_or(DEMO_HASH)) else { return Verdict::Wrong };
    let right = Argon2::default().verify_password(password, &hash).is_ok();
    if !right || stored.is_none() {
        return Verdict::Wrong;
    }
    let current = Params::try_from(&hash)
        .is_ok_and(|params| params.m_cost() == wanted.m_cost() && params.t_cost() == wanted.t_cost());
    if current {
        return Verdict::Right(None);
    }
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, wanted);
    Verdict::Right(hasher.hash_password(password).ok().map(|hash: PasswordHash| hash.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeded() -> Params {
        Params::new(4096, 2, 1, None).unwrap()
    }

    #[test]
    fn the_demo_password_fits_the_seeded_hash_and_another_does_not() {
        assert_eq!(compare(b"correct-horse", Some(DEMO_HASH), seeded()), Verdict::Right(None));
        assert_eq!(compare(b"correct-hors", Some(DEMO_HASH), seeded()), Verdict::Wrong);
    }

    #[test]
    fn no_account_is_wrong_even_with_the_password_of_the_stand_in_hash() {
        assert_eq!(compare(b"correct-horse", None, seeded()), Verdict::Wrong);
    }

    #[test]
    fn another_cost_gives_a_new_hash_that_fits() {
        let wanted = Params::new(64, 1, 1, None).unwrap();
        let Verdict::Right(Some(new)) = compare(b"correct-horse", Some(DEMO_HASH), wanted.clone()) else {
            panic!("a new hash was expected");
        };
        assert!(new.contains("m=64,t=1,p=1"), "{new}");
        assert_eq!(compare(b"correct-horse", Some(&new), wanted), Verdict::Right(None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_finds_no_free_turn_is_refused() {
        let config = SessionConfig { hash_concurrency: 1, ..SessionConfig::default() };
        let checker = Checker::new(&config);
        let _taken = Arc::clone(&checker.permits).acquire_owned().await.unwrap();
        assert_eq!(checker.check("x".to_owned(), None).await, Err(Overloaded));
    }
}
