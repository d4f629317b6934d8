//! How a page asks for traces: in the words of Jaeger's search form, such as
//! `service=order-service operation="POST /orders" minDuration=500ms http.response.status_code=503`.

use std::{fmt, time::Duration};

use query::{Labels, Window, jaeger::SearchParams};

/// A search for traces: all that is given must fit one span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    text: String,
    service: String,
    operation: Option<String>,
    least: Option<Duration>,
    most: Option<Duration>,
    tags: Labels,
}

const KEYS: [&str; 4] = ["service", "operation", "minDuration", "maxDuration"];

impl Search {
    /// Reads a search; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut search = Self { text: text.to_owned(), ..Self::default() };
        for (key, value) in pairs(text)? {
            let time =
                || duration(&value).ok_or_else(|| format!("{key}={value} is no time such as 500ms or 2s"));
            match key.as_str() {
                "service" => search.service = value,
                "operation" => search.operation = Some(value),
                "minDuration" => search.least = Some(time()?),
                "maxDuration" => search.most = Some(time()?),
                // The names of attributes have dots, but for this one of Jaeger's own.
                tag if tag.contains('.') || tag == "error" => drop(search.tags.insert(key, value)),
                other => {
                    let nearest = loadgen::nearest::suggestion(other, &KEYS);
                    return Err(format!(
                        "a search knows no {other:?}, and an attribute's name has a dot; {nearest}"
                    ));
                }
            }
        }
        match search.service.is_empty() {
            true => Err("a search needs service=NAME".to_owned()),
            false => Ok(search),
        }
    }

    /// As the API takes it.
    #[must_use]
    pub fn params(&self, window: Window, limit: usize) -> SearchParams {
        SearchParams {
            operation: self.operation.clone(),
            tags: self.tags.clone(),
            min_duration: self.least,
            max_duration: self.most,
            limit,
            ..SearchParams::new(&self.service, window)
        }
    }
}

/// As it stands on the page.
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `key=value` and `key="a value"`, with spaces between them.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let pair =
            rest.split_once('=').filter(|(key, _)| !key.is_empty() && !key.contains(char::is_whitespace));
        let (key, after) = pair.ok_or_else(|| format!("{rest:?} is no key=value"))?;
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => {
                quoted.split_once('"').ok_or_else(|| format!("the quote of {key} is not closed"))?
            }
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        pairs.push((key.to_owned(), value.to_owned()));
        rest = left.trim_start();
    }
    Ok(pairs)
}

/// `500us`, `500ms`, `2s`, as Jaeger's form takes them.
fn duration(text: &str) -> Option<Duration> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_read_as_the_form_takes_it() {
        let text = r#"service=shop operation="POST /orders" minDuration=1.5s http.response.status_code=503"#;
        let search = Search::parse(text).expect("a search");
        let params = search.params(Window::last(Duration::from_secs(60)), 20);
        assert_eq!((params.service.as_str(), params.operation.as_deref()), ("shop", Some("POST /orders")));
        assert_eq!((params.min_duration, params.limit), (Some(Duration::from_millis(1500)), 20));
        assert_eq!(params.tags["http.response.status_code"], "503");
        assert_eq!(search.to_string(), text);
    }

    #[test]
    fn what_is_no_search_is_refused() {
        for (wrong, words) in [
            ("operation=x", "service=NAME"),
            ("service=a b", "no key=value"),
            ("service=a operation=\"x", "not closed"),
            ("service=a minDuration=soon", "500ms"),
            ("service=a minDuratoin=1s", "did you mean `minDuration`?"),
        ] {
            let error = Search::parse(wrong).expect_err(wrong);
            assert!(error.contains(words), "{wrong}: {error}");
        }
    }
}
