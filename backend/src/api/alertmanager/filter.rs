//! Which alerts are asked for: conditions on labels, a receiver, whether those that notify nobody are wanted.

use http::Uri;

use axum::extract::Query;

use super::answer::{ApiError, WRONG_TYPE};
use crate::alertmanager::HeldBack;
use crate::alertmanager::labels::Labels;
use crate::alertmanager::matchers::{self, Matcher, Op};
use crate::matcher::{GoRegex, compile};

/// The most conditions of one request.
const MAX_CONDITIONS: usize = 100;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Filter {
    conditions: Vec<Matcher>,
    receiver: Option<GoRegex>,
    active: bool,
    silenced: bool,
    inhibited: bool,
}

impl Filter {
    /// Reads the query string. `last` is the name of the one more truth value that the path knows: it is read and decides
    /// nothing, as in Alertmanager.
    pub(super) fn read(uri: &Uri, last: &str) -> Result<Self, ApiError> {
        let pairs = pairs(uri)?;
        let truth = |name: &str| {
            let given = pairs.iter().rev().find(|(key, value)| key == name && !value.is_empty());
            given.map_or(Ok(true), |(_, text)| read_truth(name, text))
        };
        let (active, silenced, inhibited) = (truth("active")?, truth("silenced")?, truth("inhibited")?);
        truth(last)?;
        let receiver = pairs.iter().rev().find(|(key, value)| key == "receiver" && !value.is_empty());
        let receiver = receiver.map(|(_, pattern)| {
            let compiled = compile(pattern).and_then(|_| compile(&format!("^(?:{pattern})$")));
            compiled.map_err(|e| ApiError::bad_request(format!("failed to parse receiver param: {e}")))
        });
        Ok(Self {
            conditions: conditions(&pairs)?,
            receiver: receiver.transpose()?,
            active,
            silenced,
            inhibited,
        })
    }

    /// Whether a receiver is asked for.
    pub(super) fn wants_receiver(&self, name: &str) -> bool {
        self.receiver.as_ref().is_none_or(|regex| regex.is_match(name))
    }

    /// Whether an alert is asked for that is held back so.
    pub(super) fn wants(&self, labels: &Labels, held_back: &HeldBack) -> bool {
        (self.active || held_back.is_held_back())
            && (self.silenced || held_back.silenced_by.is_empty())
            && (self.inhibited || held_back.inhibited_by.is_none())
            && self.conditions.iter().all(|matcher| holds(matcher, labels))
    }
}

/// As Alertmanager's filters have it, a condition on the empty value asks whether the label is there.
fn holds(matcher: &Matcher, labels: &Labels) -> bool {
    let value = labels.get(&matcher.name);
    let negative = matches!(matcher.op, Op::NotEqual | Op::NotMatches);
    (matcher.value.is_empty() && value.is_some() == negative)
        || matcher.accepts(value.map_or("", String::as_str))
}

/// The conditions of all `filter`s.
pub(super) fn conditions(pairs: &[(String, String)]) -> Result<Vec<Matcher>, ApiError> {
    let texts: Vec<&str> =
        pairs.iter().filter(|(key, _)| key == "filter").map(|(_, value)| value.as_str()).collect();
    if texts.len() > MAX_CONDITIONS {
        return Err(ApiError::bad_request(format!("more than {MAX_CONDITIONS} filters")));
    }
    texts.into_iter().map(|text| matchers::read_one(text).map_err(ApiError::bad_request)).collect()
}

/// The names and values of the query string.
pub(super) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, ApiError> {
    let Query(pairs) = Query::try_from_uri(uri).map_err(|e| ApiError::bad_request(e.body_text()))?;
    Ok(pairs)
}

fn read_truth(name: &str, text: &str) -> Result<bool, ApiError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "ok" | "y" | "on" | "selected" | "checked" | "t" | "enabled" => Ok(true),
        "false" | "0" | "no" | "n" | "off" | "unselected" | "unchecked" | "f" | "disabled" => Ok(false),
        // Alertmanager takes whatever it does not know for false.
        _ => {
            let message = format!("{name} in query must be of type bool: {text:?}");
            Err(ApiError::unprocessable(WRONG_TYPE, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alertmanager::labels;

    fn filter(query: &str) -> Result<Filter, ApiError> {
        Filter::read(&format!("http://h/?{query}").parse().expect("an address"), "unprocessed")
    }

    fn wanted(query: &str, held_back: &HeldBack) -> bool {
        filter(query).expect(query).wants(&labels::of([("a", "1")]), held_back)
    }

    #[test]
    fn conditions_all_hold() {
        let free = HeldBack::default();
        for (query, is) in [
            ("", true),
            ("filter=a%3D1", true),
            ("filter=a%3D1&filter=b%3D2", false),
            ("filter=a%3D~%221%7C2%22", true),
            ("filter=b%3D%22%22", true),
            ("filter=a%3D%22%22", false),
            ("filter=a!%3D%22%22", true),
            ("filter=b!%3D%22%22", false),
        ] {
            assert_eq!(wanted(query, &free), is, "{query}");
        }
    }

    #[test]
    fn what_is_held_back_can_be_left_out() {
        let silenced = HeldBack { silenced_by: vec!["s".to_owned()], ..HeldBack::default() };
        for (query, is) in
            [("", true), ("silenced=false", false), ("inhibited=false", true), ("active=false", true)]
        {
            assert_eq!(wanted(query, &silenced), is, "{query}");
        }
        assert!(!wanted("active=false", &HeldBack::default()));
    }

    #[test]
    fn the_receiver_is_a_regex_of_the_whole_name() {
        let filter = filter("receiver=a.*").expect("valid");
        assert!(filter.wants_receiver("abc") && !filter.wants_receiver("ba"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for query in ["active=maybe", "unprocessed=maybe", "receiver=(", "filter=a", "filter=%7Ba%3D1%7D"] {
            assert!(filter(query).is_err(), "{query}");
        }
    }
}
