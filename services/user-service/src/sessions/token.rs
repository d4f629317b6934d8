//! Session tokens: `v1.USER.EXPIRES.MAC`, signed with HMAC-SHA256. Nothing is stored, so nothing can be revoked either.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs and verifies.
pub struct Signer {
    key: Hmac<Sha256>,
    ttl: Duration,
}

impl Signer {
    /// With this secret, or a random one.
    #[must_use]
    pub fn new(secret: Option<&str>, ttl: Duration) -> Self {
        let random: [u8; 16];
        let secret = match secret {
            Some(text) => text.as_bytes(),
            None => {
                random = argon2::password_hash::generate_salt();
                &random
            }
        };
        let key = <Hmac<Sha256> as KeyInit>::new_from_slice(secret);
        // HMAC takes keys of any length; the error type is the trait's.
        let key = key.unwrap_or_else(|_| <Hmac<Sha256> as KeyInit>::new(&Default::default()));
        Self { key, ttl }
    }

    /// A token for this account, and when it ends (milliseconds since 1970).
    #[must_use]
    pub fn sign(&self, user: i64, now_ms: i64) -> (String, i64) {
        let expires = now_ms.saturating_add(i64::try_from(self.ttl.as_millis()).unwrap_or(i64::MAX));
        let claim = format!("v1.{user}.{expires}");
        let mut mac = self.key.clone();
        mac.update(claim.as_bytes());
        let mac = hex(&mac.finalize().into_bytes());
        (format!("{claim}.{mac}"), expires)
    }

    /// The account of a token that is ours and not over.
    #[must_use]
    pub fn verify(&self, token: &str, now_ms: i64) -> Option<i64> {
        let (claim, mac) = token.rsplit_once('.')?;
        let mut expected = self.key.clone();
        expected.update(claim.as_bytes());
        expected.verify_slice(&unhex(mac)?).ok()?;
        let mut parts = claim.split('.');
        let (version, user, expires) = (parts.next()?, parts.next()?, parts.next()?);
        let alive = expires.parse::<i64>().ok()? > now_ms;
        (version == "v1" && parts.next().is_none() && alive).then(|| user.parse().ok())?
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    // Checked here because `from_str_radix` also takes a sign.
    let plain = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !plain || !text.len().is_multiple_of(2) || text.len() > 128 {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signer() -> Signer {
        Signer::new(Some("secret"), Duration::from_secs(60))
    }

    #[test]
    fn a_token_is_good_until_it_ends() {
        let (token, expires) = signer().sign(7, 1_000);
        assert_eq!(expires, 61_000);
        assert_eq!(signer().verify(&token, 60_999), Some(7));
        assert_eq!(signer().verify(&token, 61_000), None);
    }

    #[test]
    fn another_secret_does_not_fit() {
        let (token, _) = signer().sign(7, 0);
        assert_eq!(Signer::new(None, Duration::from_secs(60)).verify(&token, 0), None);
    }

    proptest! {
        #[test]
        fn no_changed_byte_passes(at in 0_usize..80, to in any::<u8>()) {
            let (token, _) = signer().sign(7, 0);
            let mut bytes = token.into_bytes();
            let at = at % bytes.len();
            prop_assume!(!bytes[at].eq_ignore_ascii_case(&to));
            bytes[at] = to;
            prop_assert_eq!(signer().verify(&String::from_utf8_lossy(&bytes), 0), None);
        }

        #[test]
        fn rubbish_is_refused_without_a_panic(text in ".{0,200}") {
            prop_assert_eq!(signer().verify(&text, 0), None);
        }
    }
}
