//! What a person asks for: `NAME@START+LENGTH,PARAMETER=VALUE`. Parsing only; whether it can be done is for the schedule to say.

use crate::span::{format_duration, parse_duration};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One fault asked for. What is left out, the seed decides.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// The fault's name.
    pub name: String,
    /// When it begins, from the start of the run.
    pub start: Option<Duration>,
    /// How long it lasts.
    pub length: Option<Duration>,
    /// Parameters that the severity shall not decide.
    pub given: BTreeMap<String, f64>,
}

/// Why a text asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} asks for no fault: {reason}; write NAME, NAME@START+LENGTH or NAME@START+LENGTH,PARAMETER=VALUE, such as slow-network@30s+60s"
)]
pub struct RequestError {
    text: String,
    reason: String,
}

impl FromStr for Request {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, RequestError> {
        let wrong = |reason: String| RequestError { text: text.to_owned(), reason };
        let duration = |text: &str| parse_duration(text).map_err(|e| wrong(e.to_string()));
        let mut parts = text.split(',');
        let head = parts.next().unwrap_or_default();
        let (name, times) = head.split_once('@').map_or((head, None), |(name, times)| (name, Some(times)));
        if name.trim().is_empty() {
            return Err(wrong("it has no name".to_owned()));
        }
        let (start, length) = match times.map(|t| t.split_once('+').map_or((t, None), |(s, l)| (s, Some(l))))
        {
            Some((start, length)) => (Some(duration(start)?), length.map(duration).transpose()?),
            None => (None, None),
        };
        if length.is_some_and(|length| length.is_zero()) {
            return Err(wrong("a length of nothing".to_owned()));
        }
        let mut given = BTreeMap::new();
        for part in parts {
            let (key, value) =
                part.split_once('=').ok_or_else(|| wrong(format!("{part:?} is no PARAMETER=VALUE")))?;
            let number = value.trim().parse::<f64>().ok().filter(|v| v.is_finite());
            let number = number.ok_or_else(|| wrong(format!("{value:?} is no number")))?;
            if given.insert(key.trim().to_owned(), number).is_some() {
                return Err(wrong(format!("{} is given twice", key.trim())));
            }
        }
        Ok(Self { name: name.trim().to_owned(), start, length, given })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(start) = self.start {
            write!(f, "@{}", format_duration(start))?;
            if let Some(length) = self.length {
                write!(f, "+{}", format_duration(length))?;
            }
        }
        self.given.iter().try_for_each(|(name, value)| write!(f, ",{name}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays_open() {
        let request: Request = "slow-network".parse().expect("a request");
        assert_eq!((request.start, request.length, request.given.len()), (None, None, 0));
        let request: Request = "slow-network@30s".parse().expect("a request");
        assert_eq!((request.start, request.length), (Some(Duration::from_secs(30)), None));
    }

    #[test]
    fn times_and_parameters_are_read() {
        let request: Request = "slow-network@30s+1m,delay_ms=80,share=0.5".parse().expect("a request");
        assert_eq!(request.name, "slow-network");
        assert_eq!(request.start, Some(Duration::from_secs(30)));
        assert_eq!(request.length, Some(Duration::from_secs(60)));
        assert_eq!(request.given, BTreeMap::from([("delay_ms".into(), 80.0), ("share".into(), 0.5)]));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["slow-network", "slow-network@30s", "slow-network@1.5s+1m,a=80,b=0.5", "x,a=1"] {
            assert_eq!(text.parse::<Request>().expect("a request").to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_read_says_what_to_write() {
        for (text, word) in [
            ("", "no name"),
            ("@30s+60s", "no name"),
            ("x@soon", "duration"),
            ("x@30s+0s", "nothing"),
            ("x@30s+60", "duration"),
            ("x@1s+1s,delay", "PARAMETER=VALUE"),
            ("x,delay=much", "no number"),
            ("x,delay=1,delay=2", "twice"),
        ] {
            let error = text.parse::<Request>().expect_err(text).to_string();
            assert!(error.contains(word) && error.contains("NAME@START+LENGTH"), "{error}");
        }
    }
}
