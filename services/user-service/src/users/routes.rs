//! `GET /users/{id}` and `GET /users`.

use axum::Json;
use axum::extract::State;
use chassis::extract::{Path, Query};
use chassis::page::Page;
use chassis::problem::{Problem, ProblemBody};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{User, store};
use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_user)).routes(routes!(list_users))
}

/// One page of accounts.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserPage {
    /// The accounts, by number.
    pub users: Vec<User>,
    /// The page, from 1.
    pub page: u32,
    /// Accounts per page.
    pub per_page: u32,
    /// All accounts.
    pub total: i64,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// From 1.
    page: Option<u32>,
    /// 1 to 100; 20 if missing.
    per_page: Option<u32>,
}

/// One account.
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = i64, Path)), responses(
    (status = 200, body = User),
    (status = 400, description = "The id is no number", body = ProblemBody),
    (status = 404, description = "No such account", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn get_user(State(app): State<App>, Path(id): Path<i64>) -> Result<Json<User>, Problem> {
    store::by_id(&app.database, id).await?.map(Json).ok_or_else(|| no_such_user(id))
}

/// Accounts, a page at a time.
#[utoipa::path(get, path = "/users", tag = "users", params(ListParams), responses(
    (status = 200, body = UserPage),
    (status = 400, description = "A parameter is out of bounds", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn list_users(
    State(app): State<App>,
    Query(params): Query<ListParams>,
) -> Result<Json<UserPage>, Problem> {
    let page = Page::new(params.page, params.per_page)?;
    let (users, total) = store::page(&app.database, page).await?;
    Ok(Json(UserPage { users, page: page.page, per_page: page.per_page, total }))
}

pub(crate) fn no_such_user(id: i64) -> Problem {
    Problem::not_found("no-such-user", format!("there is no user {id}"))
}
