//! `POST` and `GET /users/{id}/notifications`.

use axum::Json as JsonBody;
use axum::extract::State;
use chassis::extract::{Json, Path, Query};
use chassis::page::Page;
use chassis::problem::{Problem, ProblemBody};
use chassis::text;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, Stored};
use super::{Cents, Notification};
use crate::App;
use crate::users::routes::no_such_user;

/// Longest event id and kind, in bytes.
const MAX_TEXT: usize = 64;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(add_notification, list_notifications))
}

/// An event to tell a user about.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewNotification {
    /// Names the event; a second delivery of it changes nothing.
    #[schema(example = "order-1-confirmed", max_length = 64)]
    pub(super) event_id: String,
    #[serde(rename = "type")]
    #[schema(example = "order.confirmed", max_length = 64)]
    pub(super) kind: String,
    #[schema(example = 1)]
    pub(super) order_id: i64,
    #[schema(value_type = f64, example = 49.99)]
    pub(super) total: Cents,
}

/// One page of notifications.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NotificationPage {
    /// Newest first.
    pub notifications: Vec<Notification>,
    /// The page, from 1.
    pub page: u32,
    /// Notifications per page.
    pub per_page: u32,
    /// All of this user's.
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

/// Keeps a notification, once per event id.
#[utoipa::path(post, path = "/users/{id}/notifications", tag = "notifications", params(("id" = i64, Path)),
    request_body = NewNotification, responses(
    (status = 200, description = "This event was kept before", body = Notification),
    (status = 201, body = Notification),
    (status = 400, description = "The body is no JSON", body = ProblemBody),
    (status = 404, description = "No such user", body = ProblemBody),
    (status = 408, description = "The body came too slowly", body = ProblemBody),
    (status = 409, description = "The event id belongs to another user", body = ProblemBody),
    (status = 413, description = "The body is too large", body = ProblemBody),
    (status = 415, description = "The body is not declared as JSON", body = ProblemBody),
    (status = 422, description = "A field is missing or has a wrong type", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn add_notification(
    State(app): State<App>,
    Path(id): Path<i64>,
    Json(new): Json<NewNotification>,
) -> Result<(StatusCode, JsonBody<Notification>), Problem> {
    for (field, value) in [("event_id", &new.event_id), ("type", &new.kind)] {
        if !(1..=MAX_TEXT).contains(&value.len()) {
            return Err(Problem::unprocessable("wrong-length", format!("{field}: 1 to {MAX_TEXT} bytes")));
        }
        text::check(field, value).map_err(|error| Problem::unprocessable("control-character", error))?;
    }
    match store::store(&app.database, id, &new).await? {
        Stored::New(notification) => {
            tracing::info!(
                user.id = id,
                order.id = new.order_id,
                event.id = new.event_id,
                "notification stored"
            );
            Ok((StatusCode::CREATED, JsonBody(notification)))
        }
        Stored::Known(notification) => {
            tracing::info!(user.id = id, event.id = new.event_id, "notification known already");
            Ok((StatusCode::OK, JsonBody(notification)))
        }
        Stored::Mismatch => Err(Problem::conflict("event-mismatch", "this event id belongs to another user")),
        Stored::NoSuchUser => Err(no_such_user(id)),
    }
}

/// A user's notifications, newest first.
#[utoipa::path(get, path = "/users/{id}/notifications", tag = "notifications",
    params(("id" = i64, Path), ListParams), responses(
    (status = 200, body = NotificationPage),
    (status = 400, description = "A parameter is out of bounds", body = ProblemBody),
    (status = 404, description = "No such user", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn list_notifications(
    State(app): State<App>,
    Path(id): Path<i64>,
    Query(params): Query<ListParams>,
) -> Result<JsonBody<NotificationPage>, Problem> {
    let page = Page::new(params.page, params.per_page)?;
    let read = app.notification_settings.page.get();
    let Some((notifications, total)) = store::page(&app.database, id, page, read).await? else {
        return Err(no_such_user(id));
    };
    Ok(JsonBody(NotificationPage { notifications, page: page.page, per_page: page.per_page, total }))
}
