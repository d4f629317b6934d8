//! `POST /products/{id}/reserve` and `POST /products/{id}/release`.

use axum::Json as JsonBody;
use axum::extract::State;
use chassis::extract::{Json, Path};
use chassis::problem::{Problem, ProblemBody};
use chassis::text;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, Released, Reserved};
use crate::App;
use crate::catalogue::routes::no_such_product;

/// Longest reservation id, in bytes.
const MAX_ID: usize = 64;
/// The most units in one reservation.
const MAX_QUANTITY: i64 = 1000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(reserve)).routes(routes!(release))
}

/// Units to set aside.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Reserve {
    #[schema(example = 1, minimum = 1, maximum = 1000)]
    quantity: i64,
    /// Chosen by the caller; the same id may be sent again.
    #[schema(example = "r-1", max_length = 64)]
    reservation_id: String,
}

/// Units to give back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Release {
    #[schema(example = "r-1", max_length = 64)]
    reservation_id: String,
}

/// A reservation.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reservation {
    /// The caller's id.
    pub reservation_id: String,
    /// The product.
    pub product_id: i64,
    /// Units set aside.
    pub quantity: i64,
    /// Always `reserved`.
    pub status: String,
    /// Units left in stock when it was made.
    pub remaining: i64,
}

/// A reservation that holds nothing any more.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Releasing {
    /// The caller's id.
    pub reservation_id: String,
    /// The product.
    pub product_id: i64,
    /// Always `released`.
    pub status: String,
}

/// Sets units aside, all of them or none.
#[utoipa::path(post, path = "/products/{id}/reserve", tag = "reservations", params(("id" = i64, Path)),
    request_body = Reserve, responses(
    (status = 200, description = "Set aside, now or by an earlier call with this id", body = Reservation),
    (status = 400, description = "The body is no JSON", body = ProblemBody),
    (status = 404, description = "No such product", body = ProblemBody),
    (status = 408, description = "The body came too slowly", body = ProblemBody),
    (status = 409, description = "Out of stock, or the id was used for something else or released", body = ProblemBody),
    (status = 413, description = "The body is too large", body = ProblemBody),
    (status = 415, description = "The body is not declared as JSON", body = ProblemBody),
    (status = 422, description = "Wrong types or out of range", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn reserve(
    State(app): State<App>,
    Path(id): Path<i64>,
    Json(body): Json<Reserve>,
) -> Result<JsonBody<Reservation>, Problem> {
    check_id(&body.reservation_id)?;
    if !(1..=MAX_QUANTITY).contains(&body.quantity) {
        return Err(Problem::unprocessable("out-of-range", format!("quantity: 1 to {MAX_QUANTITY}")));
    }
    let Reserve { quantity, reservation_id } = body;
    let remaining = match store::reserve(&app.database, id, quantity, &reservation_id).await? {
        Reserved::Now { remaining, category, list_price } => {
            app.shop.stock_changed(&category, -quantity);
            app.shop.value("reserved", app.catalogue_settings.price(list_price) * quantity);
            app.shop.count("reserved");
            tracing::info!(
                product.id = id,
                quantity,
                reservation.id = reservation_id,
                remaining,
                "stock reserved"
            );
            remaining
        }
        Reserved::Before { remaining } => {
            app.shop.count("replayed");
            tracing::info!(product.id = id, reservation.id = reservation_id, "reservation known already");
            remaining
        }
        Reserved::OutOfStock { stock } => {
            app.shop.count("out_of_stock");
            tracing::info!(product.id = id, quantity, stock, "out of stock");
            let detail =
                format!("product {id} has {stock} left, fewer than the {quantity} of this reservation");
            return Err(Problem::conflict("out-of-stock", detail));
        }
        Reserved::NoSuchProduct => return Err(no_such_product(id)),
        Reserved::Mismatch => {
            app.shop.count("mismatch");
            let detail = "this reservation id was used for another product or quantity";
            return Err(Problem::conflict("reservation-mismatch", detail));
        }
        Reserved::Released => {
            app.shop.count("refused_released");
            return Err(Problem::conflict("reservation-released", "this reservation id was released"));
        }
    };
    Ok(JsonBody(Reservation {
        reservation_id,
        product_id: id,
        quantity,
        status: "reserved".to_owned(),
        remaining,
    }))
}

/// Gives units back. An id that was never reserved is kept as released, so that a late reserve with it is refused.
#[utoipa::path(post, path = "/products/{id}/release", tag = "reservations", params(("id" = i64, Path)),
    request_body = Release, responses(
    (status = 200, description = "Released, now or before", body = Releasing),
    (status = 400, description = "The body is no JSON", body = ProblemBody),
    (status = 404, description = "No such product", body = ProblemBody),
    (status = 408, description = "The body came too slowly", body = ProblemBody),
    (status = 409, description = "The id belongs to another product", body = ProblemBody),
    (status = 413, description = "The body is too large", body = ProblemBody),
    (status = 415, description = "The body is not declared as JSON", body = ProblemBody),
    (status = 422, description = "Wrong types or out of range", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "The database cannot answer now", body = ProblemBody),
))]
async fn release(
    State(app): State<App>,
    Path(id): Path<i64>,
    Json(Release { reservation_id }): Json<Release>,
) -> Result<JsonBody<Releasing>, Problem> {
    check_id(&reservation_id)?;
    match store::release(&app.database, id, &reservation_id).await? {
        Released::Now { quantity, category, list_price } => {
            app.shop.stock_changed(&category, quantity);
            app.shop.value("released", app.catalogue_settings.price(list_price) * quantity);
            app.shop.count("released");
            tracing::info!(product.id = id, quantity, reservation.id = reservation_id, "stock released");
        }
        Released::Nothing => {
            app.shop.count("released_nothing");
            tracing::info!(product.id = id, reservation.id = reservation_id, "nothing to release");
        }
        Released::NoSuchProduct => return Err(no_such_product(id)),
        Released::Mismatch => {
            let detail = "this reservation id belongs to another product";
            return Err(Problem::conflict("reservation-mismatch", detail));
        }
    }
    Ok(JsonBody(Releasing { reservation_id, product_id: id, status: "released".to_owned() }))
}

fn check_id(reservation_id: &str) -> Result<(), Problem> {
    if !(1..=MAX_ID).contains(&reservation_id.len()) {
        return Err(Problem::unprocessable("wrong-length", format!("reservation_id: 1 to {MAX_ID} bytes")));
    }
    text::check("reservation_id", reservation_id)
        .map_err(|error| Problem::unprocessable("control-character", error))
}
