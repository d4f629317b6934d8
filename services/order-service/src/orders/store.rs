//! Orders in the database.

use std::collections::HashMap;

use chassis::clock;
use chassis::page::Page;
use serde_json::{Value, json};
use telemetry::db::{Database, Error, Row, RowExt, Session, Statement, Transaction, query};
use telemetry::statement;

use super::{Customer, Item, Order};
use crate::Cents;

static INSERT: Statement = statement!(
    "INSERT",
    "orders",
    "INSERT INTO orders
       (user_id, user_name, user_email, total, status, correlation_id, traceparent, created_at, recover_after)
     VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?8) RETURNING id"
);
static INSERT_ITEMS: Statement = statement!(
    "INSERT",
    "order_items",
    "INSERT INTO order_items (order_id, position, product_id, product, price, quantity, reservation_id)
     SELECT ?1, key, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?2)"
);
static CONFIRM: Statement = statement!(
    "UPDATE",
    "orders",
    "UPDATE orders SET status = 'confirmed' WHERE id = ?1 AND status = 'pending'"
);
static FAIL: Statement = statement!(
    "UPDATE",
    "orders",
    "UPDATE orders SET status = ?2, reason = COALESCE(reason, ?3), recover_after = ?4
     WHERE id = ?1 AND status IN ('pending', 'releasing')"
);
static BY_ID: Statement = statement!(
    "SELECT",
    "orders",
    "SELECT id, user_id, user_name, user_email, total, status, reason, created_at FROM orders WHERE id = ?1"
);
static PAGE: Statement = statement!(
    "SELECT",
    "orders",
    "SELECT id, user_id, user_name, user_email, total, status, reason, created_at FROM orders
     WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2 OFFSET ?3"
);
static COUNT: Statement = statement!("SELECT", "orders", "SELECT COUNT(*) FROM orders WHERE user_id = ?1");
static ITEMS: Statement = statement!(
    "SELECT",
    "order_items",
    "SELECT order_id, product_id, product, price, quantity FROM order_items
     WHERE order_id IN (SELECT value FROM json_each(?1)) ORDER BY order_id, position"
);

// Both look at the oldest only, which ids are in the order of: no table is read through.
pub(crate) static OLD_ITEMS: Statement = statement!(
    "DELETE",
    "order_items",
    "DELETE FROM order_items WHERE order_id IN
       (SELECT id FROM orders WHERE created_at <= ?1 AND status IN ('confirmed', 'failed')
          AND id IN (SELECT id FROM orders ORDER BY id LIMIT ?2))"
);
pub(crate) static OLD_ORDERS: Statement = statement!(
    "DELETE",
    "orders",
    "DELETE FROM orders WHERE created_at <= ?1 AND status IN ('confirmed', 'failed')
       AND id IN (SELECT id FROM orders ORDER BY id LIMIT ?2)"
);

/// An item of a new order, and the id under which its stock is reserved.
#[derive(Debug, Clone)]
pub(crate) struct NewItem {
    pub(crate) item: Item,
    pub(crate) reservation_id: String,
}

/// A new order.
pub(crate) struct NewOrder<'a> {
    pub(crate) user: &'a Customer,
    pub(crate) items: &'a [NewItem],
    pub(crate) total: i64,
    pub(crate) correlation_id: &'a str,
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) created_at: i64,
    pub(crate) recover_after: i64,
}

/// Writes a pending order; its number.
pub(crate) async fn insert(transaction: &mut Transaction<'_>, new: &NewOrder<'_>) -> Result<i64, Error> {
    let row = query(&INSERT)
        .bind(new.user.id)
        .bind(&new.user.name)
        .bind(&new.user.email)
        .bind(new.total)
        .bind(new.correlation_id)
        .bind(new.traceparent)
        .bind(new.created_at)
        .bind(new.recover_after)
        .fetch_one(transaction)
        .await?;
    let id: i64 = row.try_get(0)?;
    let items: Value = new.items.iter().map(item_row).collect();
    query(&INSERT_ITEMS).bind(id).bind(items.to_string()).execute(transaction).await?;
    Ok(id)
}

fn item_row(new: &NewItem) -> Value {
    let Item { product_id, product, price, quantity } = &new.item;
    json!([product_id, product, price.0, quantity, new.reservation_id])
}

/// Confirms a pending order; false when the recovery took it meanwhile.
pub(crate) async fn confirm(transaction: &mut Transaction<'_>, id: i64) -> Result<bool, Error> {
    Ok(query(&CONFIRM).bind(id).execute(transaction).await? == 1)
}

/// Marks an order failed.
pub(crate) async fn fail(session: &mut impl Session, id: i64, reason: &str) -> Result<(), Error> {
    query(&FAIL).bind(id).bind("failed").bind(reason).bind(0_i64).execute(session).await.map(drop)
}

/// Leaves an order to the recovery: its stock may still be reserved.
pub(crate) async fn leave_to_recovery(
    session: &mut impl Session,
    id: i64,
    reason: &str,
    after: i64,
) -> Result<(), Error> {
    query(&FAIL).bind(id).bind("releasing").bind(reason).bind(after).execute(session).await.map(drop)
}

/// One order.
pub(super) async fn by_id(database: &Database, id: i64) -> Result<Option<Order>, Error> {
    let mut connection = database.acquire().await?;
    let Some(row) = query(&BY_ID).bind(id).fetch_optional(&mut connection).await? else { return Ok(None) };
    let mut items = items_of(&mut connection, &[id]).await?;
    order(&row, &mut items).map(Some)
}

/// One page of a user's orders, newest first, and how many there are.
pub(super) async fn page(database: &Database, user: i64, page: Page) -> Result<(Vec<Order>, i64), Error> {
    let mut connection = database.acquire().await?;
    let rows =
        query(&PAGE).bind(user).bind(page.limit()).bind(page.offset()).fetch_all(&mut connection).await?;
    let total = query(&COUNT).bind(user).fetch_one(&mut connection).await?.try_get(0)?;
    let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    let mut items = if ids.is_empty() { HashMap::new() } else { items_of(&mut connection, &ids).await? };
    let orders = rows.iter().map(|row| order(row, &mut items)).collect::<Result<_, _>>()?;
    Ok((orders, total))
}

async fn items_of(session: &mut impl Session, orders: &[i64]) -> Result<HashMap<i64, Vec<Item>>, Error> {
    let rows = query(&ITEMS).bind(Value::from(orders).to_string()).fetch_all(session).await?;
    let mut items: HashMap<i64, Vec<Item>> = HashMap::new();
    for row in rows {
        items.entry(row.try_get("order_id")?).or_default().push(Item {
            product_id: row.try_get("product_id")?,
            product: row.try_get("product")?,
            price: Cents(row.try_get("price")?),
            quantity: row.try_get("quantity")?,
        });
    }
    Ok(items)
}

fn order(row: &Row, items: &mut HashMap<i64, Vec<Item>>) -> Result<Order, Error> {
    let id = row.try_get("id")?;
    let status: String = row.try_get("status")?;
    Ok(Order {
        id,
        user: Customer {
            id: row.try_get("user_id")?,
            name: row.try_get("user_name")?,
            email: row.try_get("user_email")?,
        },
        product: None,
        price: None,
        quantity: None,
        items: items.remove(&id).unwrap_or_default(),
        total: Cents(row.try_get("total")?),
        // That stock still has to be given back is this service's business; the order has failed.
        status: if status == "releasing" { "failed".to_owned() } else { status },
        reason: row.try_get("reason")?,
        created_at: clock::rfc3339(row.try_get("created_at")?),
    }
    .with_single_item_on_top())
}
