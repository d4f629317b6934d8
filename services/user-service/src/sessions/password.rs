//! Password checks: argon2id on the blocking pool unless the settings say otherwise, behind a bulkhead, because each holds
//! megabytes and a core.
//!
//! The memory of a check is kept for the next one. Allocated and freed each time, its aligned megabytes leave holes that
//! glibc does not fill again, and a service that hashes now and then grows to many times what it needs.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, Version};
use tracing::Instrument;

use super::SessionSettings;
use crate::seed::DEMO_HASH;

/// Longest password that is looked at, in bytes.
pub(crate) const MAX_PASSWORD: usize = 256;

/// Checks passwords, a few at a time.
pub(super) struct Checker {
    settings: SessionSettings,
    memory: Arc<Memory>,
}

/// The working memory of checks that are over, for the next ones: never more than there are turns, each no larger than a
/// check needs today.
#[derive(Default)]
struct Memory(Mutex<Vec<Vec<Block>>>);

impl Memory {
    fn with<T>(&self, keep: usize, work: impl FnOnce(&mut Vec<Block>) -> T) -> T {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blocks = free().pop().unwrap_or_default();
        let done = work(&mut blocks);
        if blocks.len() <= keep {
            free().push(blocks);
        }
        done
    }
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
    pub(super) fn new(settings: SessionSettings) -> Self {
        Self { settings, memory: Arc::default() }
    }

    /// Compares. Without a stored hash it computes all the same, so that the time does not tell whether the account exists.
    pub(super) async fn check(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<Verdict, Overloaded> {
        let turn = tokio::time::timeout(self.settings.queue.millis(), self.settings.turns.take());
        let Ok(Some(turn)) = turn.await else { return Err(Overloaded) };
        let (params, memory) = (self.settings.params(), Arc::clone(&self.memory));
        let work = move || {
            let _turn = turn;
            let keep = params.block_count();
            memory.with(keep, |blocks| compare(password.as_bytes(), stored.as_deref(), params, blocks))
        };
        let span = tracing::info_span!("password check", otel.kind = "internal");
        self.settings.work.get().run(work).instrument(span).await.ok_or(Overloaded)
    }
}

fn compare(password: &[u8], stored: Option<&str>, wanted: Params, blocks: &mut Vec<Block>) -> Verdict {
    let Ok(hash) = PasswordHash::new(stored.unwrap_or(DEMO_HASH)) else { return Verdict::Wrong };
    let right = fits(password, &hash, blocks).unwrap_or(false);
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

/// Whether the password gives the hash. None if it is no hash of argon2's.
fn fits(password: &[u8], hash: &PasswordHash, blocks: &mut Vec<Block>) -> Option<bool> {
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    let params = Params::try_from(hash).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.and_then(|version| Version::try_from(version).ok()).unwrap_or_default();
    if blocks.len() < params.block_count() {
        blocks.resize(params.block_count(), Block::new());
    }
    let mut found = vec![0; expected.len()];
    let argon2 = Argon2::new(algorithm, version, params);
    argon2.hash_password_into_with_memory(password, salt, &mut found, blocks).ok()?;
    // Outputs compare in constant time.
    Some(Output::new(&found).ok()? == *expected)
}

#[cfg(test)]
mod tests {
    use chassis::settings::List;

    use super::*;
    use crate::config::SessionConfig;

    const MANY: usize = 1 << 20;

    /// As in service, where the memory of one check serves the next: what it holds must not matter.
    fn compare(password: &[u8], stored: Option<&str>, wanted: Params) -> Verdict {
        let memory = Memory::default();
        let first =
            memory.with(MANY, |blocks| super::compare(b"another", Some(DEMO_HASH), wanted.clone(), blocks));
        assert_eq!(first, Verdict::Wrong);
        memory.with(MANY, |blocks| super::compare(password, stored, wanted, blocks))
    }

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
        let checker = Checker::new(SessionSettings::add(&mut List::new(), &config));
        let _taken = checker.settings.turns.take().await;
        assert_eq!(checker.check("x".to_owned(), None).await, Err(Overloaded));
    }

    #[test]
    fn memory_that_is_larger_than_is_needed_today_is_given_back() {
        let memory = Memory::default();
        memory.with(10, |blocks| blocks.resize(10, Block::new()));
        assert_eq!(memory.with(10, |blocks| blocks.len()), 10);
        memory.with(5, |_| ());
        assert_eq!(memory.with(5, |blocks| blocks.len()), 0);
    }
}
