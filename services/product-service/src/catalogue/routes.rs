//! `GET /products/{id}`, `GET /products` and `POST /products/batch`.

use std::collections::HashMap;

use axum::Json as JsonBody;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chassis::extract::{Json, Path, Query};
use chassis::page::Page;
use chassis::problem::{Problem, ProblemBody};
use chassis::text;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use telemetry::correlation::CorrelationId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Product;
use super::cache::Key;
use super::store::{self, Filter};
use crate::App;

/// The most ids in one batch.
const MAX_BATCH: usize = 100;
/// Longest filter text, in bytes.
const MAX_FILTER: usize = 64;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_product))
        .routes(routes!(list_products))
        .routes(routes!(batch_products))
}

/// One page of the catalogue.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProductPage {
    /// The products, by number.
    pub products: Vec<Product>,
    /// The page, from 1.
    pub page: u32,
    /// Products per page.
    pub per_page: u32,
    /// All products that pass the filter.
    pub total: i64,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only this category.
    category: Option<String>,
    /// Only names that hold this text.
    q: Option<String>,
    /// From 1.
    page: Option<u32>,
    /// 1 to 100; 20 if missing.
    per_page: Option<u32>,
}

/// Ids to look up together.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Batch {
    /// 1 to 100 ids; repeated ones count once.
    #[schema(example = json!([101, 102]))]
    ids: Vec<i64>,
}

/// What a batch found.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BatchAnswer {
    /// The products, in the order they were asked for.
    pub products: Vec<Product>,
    /// Ids that name no product.
    pub missing: Vec<i64>,
}

/// One product.
#[utoipa::path(get, path = "/products/{id}", tag = "catalogue", params(("id" = i64, Path)), responses(
    (status = 200, body = Product),
    (status = 400, description = "The id is no number", body = ProblemBody),
    (status = 404, description = "No such product", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn get_product(State(app): State<App>, Path(id): Path<i64>) -> Result<JsonBody<Product>, Problem> {
    let product = store::by_id(&app.database, &app.catalogue_settings, id).await?;
    product.map(JsonBody).ok_or_else(|| no_such_product(id))
}

/// The catalogue, a page at a time.
#[utoipa::path(get, path = "/products", tag = "catalogue", params(ListParams), responses(
    (status = 200, body = ProductPage),
    (status = 400, description = "A parameter is out of bounds", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn list_products(
    State(app): State<App>,
    Query(params): Query<ListParams>,
) -> Result<Response, Problem> {
    let page = Page::new(params.page, params.per_page)?;
    let filter = Filter {
        category: filter_text("category", params.category)?,
        name_part: filter_text("q", params.q)?,
    };
    if !app.pages.is_enabled() {
        return Ok(JsonBody(read_page(&app, &filter, page).await?).into_response());
    }
    let own = app.pages.is_per_request();
    let key = Key {
        category: filter.category.clone(),
        name_part: filter.name_part.clone(),
        page: (page.page, page.per_page),
        request: CorrelationId::current().filter(|_| own).map(|id| id.as_str().to_owned()),
    };
    let read = async || {
        let page = read_page(&app, &filter, page).await?;
        // Texts and numbers always serialise.
        Ok(Bytes::from(serde_json::to_vec(&page).unwrap_or_default()))
    };
    let body = app.pages.page(key, read).await?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

async fn read_page(app: &App, filter: &Filter, page: Page) -> Result<ProductPage, Problem> {
    let (products, total) = store::page(&app.database, &app.catalogue_settings, filter, page).await?;
    Ok(ProductPage { products, page: page.page, per_page: page.per_page, total })
}

/// Several products at once.
#[utoipa::path(post, path = "/products/batch", tag = "catalogue", request_body = Batch, responses(
    (status = 200, body = BatchAnswer),
    (status = 400, description = "The body is no JSON", body = ProblemBody),
    (status = 408, description = "The body came too slowly", body = ProblemBody),
    (status = 413, description = "The body is too large", body = ProblemBody),
    (status = 415, description = "The body is not declared as JSON", body = ProblemBody),
    (status = 422, description = "Wrong types, no ids or too many", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn batch_products(
    State(app): State<App>,
    Json(batch): Json<Batch>,
) -> Result<JsonBody<BatchAnswer>, Problem> {
    if !(1..=MAX_BATCH).contains(&batch.ids.len()) {
        return Err(Problem::unprocessable("wrong-count", format!("ids: 1 to {MAX_BATCH} of them")));
    }
    let found = store::batch(&app.database, &app.catalogue_settings, &batch.ids).await?;
    let mut found: HashMap<i64, Option<Product>> =
        found.into_iter().map(|product| (product.id, Some(product))).collect();
    let mut answer = BatchAnswer { products: Vec::with_capacity(found.len()), missing: Vec::new() };
    for id in batch.ids {
        // Taken once, so that a repeated id is answered once.
        match found.get_mut(&id) {
            Some(product) => answer.products.extend(product.take()),
            None if answer.missing.contains(&id) => {}
            None => answer.missing.push(id),
        }
    }
    Ok(JsonBody(answer))
}

fn filter_text(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.len() > MAX_FILTER {
        return Err(Problem::bad_request("bad-query", format!("{name}: at most {MAX_FILTER} bytes")));
    }
    text::check(name, &text).map_err(|error| Problem::bad_request("bad-query", error))?;
    Ok(Some(text))
}

pub(crate) fn no_such_product(id: i64) -> Problem {
    Problem::not_found("no-such-product", format!("there is no product {id}"))
}
