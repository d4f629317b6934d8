//! One instance of a service as its clients see it, and which lists of instances make sense.

use serde::{Deserialize, Serialize};

/// The most instances of one service.
pub const MOST: usize = 32;

/// An instance: where it is, and its part of the requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its base address, such as `http://127.0.0.1:5001`.
    pub url: String,
    /// Its part of the requests, in proportion to the others' parts. 0: none.
    pub share: f64,
}

/// Why a list of instances makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong(pub(crate) String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// Checks a list: from one instance on, each with an address of its own, and somebody there for the requests.
pub(crate) fn check(endpoints: &[Endpoint]) -> Result<(), Wrong> {
    if endpoints.is_empty() || endpoints.len() > MOST {
        return Err(Wrong(format!("{} endpoints; give from 1 to {MOST}", endpoints.len())));
    }
    for (index, Endpoint { url, share }) in endpoints.iter().enumerate() {
        if authority(url).is_none() {
            return Err(Wrong(format!("{url:?} is no address such as http://127.0.0.1:5001")));
        }
        if !(0.0..=1e6).contains(share) {
            return Err(Wrong(format!("share {share} of {url}; give a number from 0 to 1000000")));
        }
        if endpoints[..index].iter().any(|other| other.url == *url) {
            return Err(Wrong(format!("{url} stands there twice")));
        }
    }
    if endpoints.iter().all(|endpoint| endpoint.share == 0.0) {
        return Err(Wrong("every share is 0; one has to be above".to_owned()));
    }
    Ok(())
}

/// `host:port` of a base address; none when it is none.
pub(crate) fn authority(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    let plain = uri.scheme_str() == Some("http") && uri.query().is_none() && matches!(uri.path(), "" | "/");
    let authority = uri.authority().filter(|authority| plain && !authority.host().is_empty())?;
    let port = authority.port_u16().unwrap_or(80);
    (!url.ends_with('/')).then(|| format!("{}:{port}", authority.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &[(&str, f64)]) -> Result<(), Wrong> {
        let list: Vec<_> =
            list.iter().map(|(url, share)| Endpoint { url: (*url).into(), share: *share }).collect();
        check(&list)
    }

    #[test]
    fn a_list_has_addresses_and_somebody_who_takes_requests() {
        let (a, b) = ("http://127.0.0.1:1", "http://127.0.0.1:2");
        assert_eq!(of(&[(a, 1.0)]), Ok(()));
        assert_eq!(of(&[(a, 0.0), (b, 0.2)]), Ok(()));
        for (list, word) in [
            (&[][..], "from 1 to"),
            (&[(a, 0.0)], "every share is 0"),
            (&[(a, 1.0), (a, 1.0)], "twice"),
            (&[(a, -1.0)], "share -1"),
            (&[(a, f64::NAN)], "share NaN"),
            (&[("https://127.0.0.1:1", 1.0)], "no address"),
            (&[("http://127.0.0.1:1/path", 1.0)], "no address"),
            (&[("127.0.0.1:1", 1.0)], "no address"),
        ] {
            let wrong = of(list).expect_err("wrong");
            assert!(wrong.0.contains(word), "{wrong}");
        }
        assert!(of(&vec![(a, 1.0); MOST + 1]).is_err());
    }
}
