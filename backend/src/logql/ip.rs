//! `ip("…")`: whether a text holds an address that is one, or lies in a range or a network.

use std::net::IpAddr;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IpFilter {
    source: String,
    first: IpAddr,
    last: IpAddr,
}

impl IpFilter {
    /// Reads an address, a range (`10.0.0.1-10.0.0.9`) or a network (`10.0.0.0/8`).
    ///
    /// # Errors
    /// It is none of them.
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        let wrong = || format!("ip: invalid pattern: {source:?}");
        let address = |text: &str| text.parse::<IpAddr>().map_err(|_| wrong());
        let (first, last) = if let Some((network, bits)) = source.split_once('/') {
            range(address(network)?, bits.parse().map_err(|_| wrong())?).ok_or_else(wrong)?
        } else if let Some((first, last)) = source.split_once('-') {
            (address(first)?, address(last)?)
        } else {
            (address(source)?, address(source)?)
        };
        if first.is_ipv4() != last.is_ipv4() || first > last {
            return Err(wrong());
        }
        Ok(Self { source: source.to_owned(), first, last })
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether the text holds such an address.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            let rest = &bytes[i..];
            let len = if begins_v4(rest) {
                span(rest, |b| b.is_ascii_digit() || b == b'.')
            } else if begins_v6(rest) {
                span(rest, |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
            } else {
                i += 1;
                continue;
            };
            let address = std::str::from_utf8(&rest[..len]).ok().and_then(|a| a.parse::<IpAddr>().ok());
            if address
                .is_some_and(|a| a.is_ipv4() == self.first.is_ipv4() && self.first <= a && a <= self.last)
            {
                return true;
            }
            i += len + 1;
        }
        false
    }
}

/// The first and the last address of a network.
fn range(address: IpAddr, bits: u32) -> Option<(IpAddr, IpAddr)> {
    match address {
        IpAddr::V4(a) => {
            let host = u32::MAX.checked_shr(bits).unwrap_or(0);
            let first = u32::from(a) & !host;
            (bits <= 32).then(|| (IpAddr::V4(first.into()), IpAddr::V4((first | host).into())))
        }
        IpAddr::V6(a) => {
            let host = u128::MAX.checked_shr(bits).unwrap_or(0);
            let first = u128::from(a) & !host;
            (bits <= 128).then(|| (IpAddr::V6(first.into()), IpAddr::V6((first | host).into())))
        }
    }
}

fn span(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|b| !belongs(*b)).unwrap_or(bytes.len())
}

fn begins_v4(bytes: &[u8]) -> bool {
    bytes.len() > 3 && bytes[0].is_ascii_digit() && bytes[1..4].contains(&b'.')
}

/// Up to four digits and a colon, or two colons and a digit; with something behind.
fn begins_v6(bytes: &[u8]) -> bool {
    if bytes.len() <= 4 {
        return false;
    }
    let digits = span(&bytes[..5], |b| b.is_ascii_hexdigit());
    (digits > 0 && bytes.get(digits) == Some(&b':') && digits < 5)
        || (bytes.starts_with(b"::") && bytes[2].is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(filter: &str, text: &str) -> bool {
        IpFilter::parse(filter).expect("valid").matches(text)
    }

    #[test]
    fn an_address_is_found_in_a_line() {
        assert!(holds("10.0.0.1", "from 10.0.0.1:80"));
        assert!(!holds("10.0.0.1", "from 10.0.0.10"));
        assert!(holds("10.0.0.0/8", "x 10.9.9.9"));
        assert!(!holds("10.0.0.0/8", "x 11.9.9.9"));
        assert!(holds("10.0.0.1-10.0.0.9", "10.0.0.9"));
        assert!(holds("::1/128", "at [::1] now"));
        assert!(holds("2001:db8::/32", "2001:db8::7 here"));
        assert!(!holds("0.0.0.0/0", "::1 only"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in ["", "x", "10.0.0.0/33", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "10.0.0"] {
            assert!(IpFilter::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}", near in "[0-9a-f:./-]{0,40}") {
            let _ = IpFilter::parse(&text);
            if let Ok(filter) = IpFilter::parse(&near) {
                filter.matches(&near);
            }
            holds("10.0.0.0/8", &near);
            holds("::1", &text);
        }
    }
}
