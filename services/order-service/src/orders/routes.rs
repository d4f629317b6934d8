//! `POST /orders`, `GET /orders/{id}` and `GET /orders?user_id=`.

use axum::Json as JsonBody;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chassis::extract::{Json, Path, Query};
use chassis::page::Page;
use chassis::problem::{Problem, ProblemBody};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::place::{Placed, place};
use super::request::OrderRequest;
use super::{Order, store};
use crate::App;
use crate::idempotency::MAX_KEY;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_order, list_orders)).routes(routes!(get_order))
}

/// One page of a user's orders.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderPage {
    /// Newest first.
    pub orders: Vec<Order>,
    /// The page, from 1.
    pub page: u32,
    /// Orders per page.
    pub per_page: u32,
    /// All of this user's.
    pub total: i64,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Whose orders.
    user_id: i64,
    /// From 1.
    page: Option<u32>,
    /// 1 to 100; 20 if missing.
    per_page: Option<u32>,
}

/// Places an order. With an `Idempotency-Key`, a repeated request gets the first one's answer.
#[utoipa::path(post, path = "/orders", tag = "orders", request_body = OrderRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters")),
    responses(
    (status = 201, body = Order, headers(
        ("Idempotency-Replayed" = bool, description = "true: the answer of an earlier request with this key"))),
    (status = 400, description = "No JSON, an unknown user or product, or a bad key", body = ProblemBody, headers(
        ("Idempotency-Replayed" = bool, description = "true: the answer of an earlier request with this key"))),
    (status = 408, description = "The body came too slowly", body = ProblemBody),
    (status = 409, description = "Out of stock, or a request with this key is under way", body = ProblemBody, headers(
        ("Idempotency-Replayed" = bool, description = "true: the answer of an earlier request with this key"),
        ("Retry-After" = u32, description = "While a request with this key is under way: seconds to wait"))),
    (status = 413, description = "The body is too large", body = ProblemBody),
    (status = 415, description = "The body is not declared as JSON", body = ProblemBody),
    (status = 422, description = "Wrong types, out of range, or a key used for another order", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "A service or the database cannot answer now", body = ProblemBody),
))]
async fn create_order(
    State(app): State<App>,
    headers: HeaderMap,
    Json(request): Json<OrderRequest>,
) -> Result<Response, Problem> {
    let refused = |problem: Problem| {
        app.orders.order("invalid");
        problem
    };
    let key = idempotency_key(&headers).map_err(refused)?;
    let wanted = request.check().map_err(refused)?;
    let response = match place(app.clone(), wanted, key).await? {
        Placed::New(order) => return Ok((StatusCode::CREATED, JsonBody(order)).into_response()),
        Placed::Replayed(body) => {
            let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
            (StatusCode::CREATED, [json], body).into_response()
        }
        Placed::ReplayedProblem(problem) => problem.into_response(),
    };
    let mut response = response;
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// One order.
#[utoipa::path(get, path = "/orders/{id}", tag = "orders", params(("id" = i64, Path)), responses(
    (status = 200, body = Order),
    (status = 400, description = "The id is no number", body = ProblemBody),
    (status = 404, description = "No such order", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn get_order(State(app): State<App>, Path(id): Path<i64>) -> Result<JsonBody<Order>, Problem> {
    let order = store::by_id(&app.database, id).await?;
    order.map(JsonBody).ok_or_else(|| Problem::not_found("no-such-order", format!("there is no order {id}")))
}

/// A user's orders, newest first.
#[utoipa::path(get, path = "/orders", tag = "orders", params(ListParams), responses(
    (status = 200, body = OrderPage),
    (status = 400, description = "user_id is missing, or a parameter is out of bounds", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn list_orders(
    State(app): State<App>,
    Query(params): Query<ListParams>,
) -> Result<JsonBody<OrderPage>, Problem> {
    let page = Page::new(params.page, params.per_page)?;
    let (orders, total) = store::page(&app.database, params.user_id, page).await?;
    Ok(JsonBody(OrderPage { orders, page: page.page, per_page: page.per_page, total }))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| {
        (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    });
    match text {
        Some(text) => Ok(Some(text.to_owned())),
        None => {
            let detail = format!("Idempotency-Key: 1 to {MAX_KEY} visible ASCII characters");
            Err(Problem::bad_request("bad-idempotency-key", detail))
        }
    }
}
