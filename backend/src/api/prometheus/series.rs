//! `/api/v1/series`, `labels`, `label/{name}/values`: what the label index knows. Times are looked at chunk by chunk: a
//! series counts as soon as one of its chunks reaches into the range.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde::Serialize;

use super::answer::{ApiError, with_notes};
use super::times::{bound, limit};
use crate::Backend;
use crate::api::params::{self, Params};
use crate::matcher::Matcher;
use crate::promql;
use crate::store::samples::Span;

/// The sets of conditions in `match[]`.
///
/// # Errors
/// What is wrong with the first bad one.
pub(super) fn selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, String> {
    params.all("match[]").map(selector).collect()
}

fn selector(text: &str) -> Result<Vec<Matcher>, String> {
    let matchers = promql::selector(text).map_err(|e| e.to_string())?;
    if matchers.iter().all(|m| m.matches("")) {
        return Err("match[] must contain at least one non-empty matcher".to_owned());
    }
    Ok(matchers)
}

/// The range of time asked about; without bounds it is everything.
fn span(params: &Params) -> Result<Span, ApiError> {
    Ok(Span { start: bound(params, "start", i64::MIN)?, end: bound(params, "end", i64::MAX)? })
}

/// The first of the values, with a warning when there are more than the limit.
fn first<T: Serialize>(values: impl IntoIterator<Item = T>, limit: usize) -> Response {
    let mut values: Vec<T> = values.into_iter().collect();
    let mut warnings = Vec::new();
    if limit > 0 && values.len() > limit {
        values.truncate(limit);
        warnings.push("results truncated due to limit".to_owned());
    }
    with_notes(values, warnings, Vec::new())
}

pub(super) async fn series(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        if params.all("match[]").next().is_none() {
            return Err(ApiError::bad_data("no match[] parameter provided"));
        }
        let (limit, span) = (limit(&params)?, span(&params)?);
        let sets = selectors(&params).map_err(|e| ApiError::parameter("match[]", e))?;
        Ok(first(backend.store.samples.series(&sets, span), limit))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

pub(super) async fn labels(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let (limit, span) = (limit(&params)?, span(&params)?);
        let sets = selectors(&params).map_err(ApiError::bad_data)?;
        let names = backend.store.samples.label_names(&sets, span);
        Ok(first(names.iter().map(|name| &**name), limit))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

pub(super) async fn label_values(
    State(backend): State<Arc<Backend>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let name = unescape(&name).unwrap_or(name);
        if name.is_empty() {
            return Err(ApiError::bad_data("invalid label name: \"\""));
        }
        let (limit, span) = (limit(&params)?, span(&params)?);
        let sets = selectors(&params).map_err(ApiError::bad_data)?;
        let values = backend.store.samples.label_values(&name, &sets, span);
        Ok(first(values.iter().map(|value| &**value), limit))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

/// A name that stands in a path as `U__…`: `__` is an underscore, `_2e_` the character of that number. `None` for every
/// other name.
fn unescape(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("U__")?;
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once('_') {
        plain.push_str(before);
        let (code, after) = after.split_once('_')?;
        if code.is_empty() {
            plain.push('_');
        } else {
            let number = (code.len() <= 6).then(|| u32::from_str_radix(code, 16).ok()).flatten();
            plain.push(char::from_u32(number?)?);
        }
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_path_may_be_escaped() {
        assert_eq!(unescape("U__http_2e_status__code").as_deref(), Some("http.status_code"));
        assert_eq!(unescape("job"), None);
        assert_eq!(unescape("U__a_zz_"), None);
        assert_eq!(unescape("U__a_2e"), None);
    }

    #[test]
    fn a_selector_needs_a_condition_and_has_no_time() {
        assert!(selector(r#"up{a!=""}"#).is_ok());
        for bad in ["up offset 5m", "up @ 1", "(up)", "{}", r#"{a=~".*"}"#, "rate(up[5m])", "up[5m]", ""] {
            assert!(selector(bad).is_err(), "{bad}");
        }
    }
}
