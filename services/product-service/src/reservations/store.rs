//! Reservations in the database. The stock changes in one conditional UPDATE, in the transaction of the reservation's row.

use chassis::clock;
use telemetry::db::{Database, Error, Row, RowExt, Statement, Transaction, query};
use telemetry::statement;

static FIND: Statement = statement!(
    "SELECT",
    "reservations",
    "SELECT product_id, quantity, remaining, status FROM reservations WHERE reservation_id = ?1"
);
static TAKE: Statement = statement!(
    "UPDATE",
    "products",
    "UPDATE products SET stock = stock - ?2 WHERE id = ?1 AND stock >= ?2 RETURNING stock, category, price"
);
static EXISTS: Statement = statement!("SELECT", "products", "SELECT stock FROM products WHERE id = ?1");
static KEEP: Statement = statement!(
    "INSERT",
    "reservations",
    "INSERT INTO reservations (reservation_id, product_id, quantity, remaining, status, created_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
);
static MARK_RELEASED: Statement = statement!(
    "UPDATE",
    "reservations",
    "UPDATE reservations SET status = 'released' WHERE reservation_id = ?1"
);
static GIVE_BACK: Statement = statement!(
    "UPDATE",
    "products",
    "UPDATE products SET stock = stock + ?2 WHERE id = ?1 RETURNING stock, category, price"
);

/// An order settles within a minute or is released by then; what is old belongs to nothing under way.
pub(crate) static OLD: Statement = statement!(
    "DELETE",
    "reservations",
    "DELETE FROM reservations WHERE reservation_id IN
       (SELECT reservation_id FROM reservations WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)"
);

/// What became of a reserve.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reserved {
    /// Taken now; the category's stock fell.
    Now {
        remaining: i64,
        category: String,
        /// Of one unit, in cents.
        list_price: i64,
    },
    /// Taken by an earlier call with the same id.
    Before {
        remaining: i64,
    },
    OutOfStock {
        stock: i64,
    },
    NoSuchProduct,
    /// The id was used for another product or quantity.
    Mismatch,
    /// The id was released.
    Released,
}

/// What became of a release.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Released {
    /// Given back now.
    Now {
        quantity: i64,
        category: String,
        list_price: i64,
    },
    /// Nothing to give back: released before, or never reserved.
    Nothing,
    NoSuchProduct,
    /// The id belongs to another product.
    Mismatch,
}

pub(super) async fn reserve(
    database: &Database,
    product: i64,
    quantity: i64,
    reservation: &str,
) -> Result<Reserved, Error> {
    let mut transaction = database.begin().await?;
    let outcome = reserve_in(&mut transaction, product, quantity, reservation).await?;
    finish(transaction, matches!(outcome, Reserved::Now { .. })).await?;
    Ok(outcome)
}

async fn reserve_in(
    transaction: &mut Transaction<'_>,
    product: i64,
    quantity: i64,
    reservation: &str,
) -> Result<Reserved, Error> {
    if let Some(row) = query(&FIND).bind(reservation).fetch_optional(transaction).await? {
        let known = Known::read(&row)?;
        return Ok(match known {
            Known { released: true, .. } => Reserved::Released,
            Known { product_id, quantity: known, .. } if (product_id, known) != (product, quantity) => {
                Reserved::Mismatch
            }
            Known { remaining, .. } => Reserved::Before { remaining },
        });
    }
    let Some(taken) = query(&TAKE).bind(product).bind(quantity).fetch_optional(transaction).await? else {
        return Ok(match query(&EXISTS).bind(product).fetch_optional(transaction).await? {
            Some(row) => Reserved::OutOfStock { stock: row.try_get(0)? },
            None => Reserved::NoSuchProduct,
        });
    };
    let remaining: i64 = taken.try_get("stock")?;
    keep(transaction, reservation, product, quantity, remaining, "reserved").await?;
    Ok(Reserved::Now { remaining, category: taken.try_get("category")?, list_price: taken.try_get("price")? })
}

pub(super) async fn release(database: &Database, product: i64, reservation: &str) -> Result<Released, Error> {
    let mut transaction = database.begin().await?;
    let (outcome, changed) = release_in(&mut transaction, product, reservation).await?;
    finish(transaction, changed).await?;
    Ok(outcome)
}

async fn release_in(
    transaction: &mut Transaction<'_>,
    product: i64,
    reservation: &str,
) -> Result<(Released, bool), Error> {
    let Some(row) = query(&FIND).bind(reservation).fetch_optional(transaction).await? else {
        if query(&EXISTS).bind(product).fetch_optional(transaction).await?.is_none() {
            return Ok((Released::NoSuchProduct, false));
        }
        keep(transaction, reservation, product, 0, 0, "released").await?;
        return Ok((Released::Nothing, true));
    };
    let known = Known::read(&row)?;
    if known.product_id != product {
        return Ok((Released::Mismatch, false));
    }
    if known.released {
        return Ok((Released::Nothing, false));
    }
    query(&MARK_RELEASED).bind(reservation).execute(transaction).await?;
    let back = query(&GIVE_BACK).bind(product).bind(known.quantity).fetch_optional(transaction).await?;
    Ok(match back {
        Some(row) => {
            let (category, list_price) = (row.try_get("category")?, row.try_get("price")?);
            (Released::Now { quantity: known.quantity, category, list_price }, true)
        }
        None => (Released::Nothing, true),
    })
}

async fn finish(transaction: Transaction<'_>, changed: bool) -> Result<(), Error> {
    if changed { transaction.commit().await } else { transaction.rollback().await }
}

async fn keep(
    transaction: &mut Transaction<'_>,
    reservation: &str,
    product: i64,
    quantity: i64,
    remaining: i64,
    status: &'static str,
) -> Result<(), Error> {
    query(&KEEP)
        .bind(reservation)
        .bind(product)
        .bind(quantity)
        .bind(remaining)
        .bind(status)
        .bind(clock::now_ms())
        .execute(transaction)
        .await
        .map(drop)
}

/// A reservation's row.
struct Known {
    product_id: i64,
    quantity: i64,
    remaining: i64,
    released: bool,
}

impl Known {
    fn read(row: &Row) -> Result<Self, Error> {
        let status: String = row.try_get("status")?;
        Ok(Self {
            product_id: row.try_get("product_id")?,
            quantity: row.try_get("quantity")?,
            remaining: row.try_get("remaining")?,
            released: status == "released",
        })
    }
}
