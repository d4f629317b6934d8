//! `/api/v1/query_exemplars`: the exemplars of the series that a query's selectors name.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use promql_parser::parser::{Expr, VectorSelector};
use serde_json::json;

use super::answer::{ApiError, number, seconds, success};
use super::query::parse;
use super::times::bound;
use crate::Backend;
use crate::api::params;
use crate::promql::matchers_of;

pub(super) async fn exemplars(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let (start, end) = (bound(&params, "start", i64::MIN)?, bound(&params, "end", i64::MAX)?);
        if end < start {
            return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
        }
        let query = parse(&params)?;
        let mut selectors = Vec::new();
        selectors_of(query.expr(), &mut selectors);
        if selectors.is_empty() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let mut found = BTreeMap::new();
        for selector in selectors {
            found.extend(backend.store.samples.exemplars(&matchers_of(selector)?, start, end));
        }
        let data: Vec<_> = found
            .into_iter()
            .map(|(labels, exemplars)| {
                let exemplars: Vec<_> = exemplars
                    .iter()
                    .map(|e| json!({"labels": e.labels, "value": number(e.value), "timestamp": seconds(e.t)}))
                    .collect();
                json!({"seriesLabels": labels, "exemplars": exemplars})
            })
            .collect();
        Ok(success(data))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

fn selectors_of<'e>(expr: &'e Expr, found: &mut Vec<&'e VectorSelector>) {
    match expr {
        Expr::VectorSelector(v) => found.push(v),
        Expr::MatrixSelector(m) => found.push(&m.vs),
        Expr::Aggregate(a) => selectors_of(&a.expr, found),
        Expr::Unary(u) => selectors_of(&u.expr, found),
        Expr::Paren(p) => selectors_of(&p.expr, found),
        Expr::Subquery(s) => selectors_of(&s.expr, found),
        Expr::Binary(b) => {
            selectors_of(&b.lhs, found);
            selectors_of(&b.rhs, found);
        }
        Expr::Call(c) => c.args.args.iter().for_each(|a| selectors_of(a, found)),
        _ => {}
    }
}
