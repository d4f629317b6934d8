//! The catalogue in the database. Each filter has a statement of its own, so that each can use its index.

use chassis::page::Page;
use telemetry::db::{Database, Error, Query, Row, RowExt, Statement, query};
use telemetry::statement;

use super::Product;
use crate::Cents;

static BY_ID: Statement =
    statement!("SELECT", "products", "SELECT id, name, category, price, stock FROM products WHERE id = ?1");
static BATCH: Statement = statement!(
    "SELECT",
    "products",
    "SELECT id, name, category, price, stock FROM products WHERE id IN (SELECT value FROM json_each(?1))"
);
static STOCK: Statement =
    statement!("SELECT", "products", "SELECT category, SUM(stock) FROM products GROUP BY category");

/// A page's statement and the count that belongs to it, for one `WHERE` clause.
macro_rules! page_and_count {
    ($where:literal) => {
        (
            statement!(
                "SELECT",
                "products",
                concat!(
                    "SELECT id, name, category, price, stock FROM products ",
                    $where,
                    " ORDER BY id LIMIT ?3 OFFSET ?4"
                )
            ),
            statement!("SELECT", "products", concat!("SELECT COUNT(*) FROM products ", $where)),
        )
    };
}
// Every variant takes both parameters, used or not: the constant terms keep their numbers the same.
static ALL: (Statement, Statement) = page_and_count!("WHERE ?1 IS NULL AND ?2 IS NULL");
static IN_CATEGORY: (Statement, Statement) = page_and_count!("WHERE category = ?1 AND ?2 IS NULL");
static NAMED: (Statement, Statement) = page_and_count!(r"WHERE ?1 IS NULL AND name LIKE ?2 ESCAPE '\'");
static NAMED_IN_CATEGORY: (Statement, Statement) =
    page_and_count!(r"WHERE category = ?1 AND name LIKE ?2 ESCAPE '\'");

pub(crate) async fn by_id(database: &Database, id: i64) -> Result<Option<Product>, Error> {
    database.fetch_optional(query(&BY_ID).bind(id)).await?.as_ref().map(product).transpose()
}

/// The products of these ids that exist, in the order of the database.
pub(crate) async fn batch(database: &Database, ids: &[i64]) -> Result<Vec<Product>, Error> {
    let ids = serde_json::Value::from(ids).to_string();
    database.fetch_all(query(&BATCH).bind(ids)).await?.iter().map(product).collect()
}

/// What a page is filtered by.
pub(crate) struct Filter {
    pub(crate) category: Option<String>,
    pub(crate) name_part: Option<String>,
}

/// One page, and how many products pass the filter.
pub(crate) async fn page(
    database: &Database,
    filter: &Filter,
    page: Page,
) -> Result<(Vec<Product>, i64), Error> {
    let (select, count) = match (&filter.category, &filter.name_part) {
        (None, None) => &ALL,
        (Some(_), None) => &IN_CATEGORY,
        (None, Some(_)) => &NAMED,
        (Some(_), Some(_)) => &NAMED_IN_CATEGORY,
    };
    let pattern = filter.name_part.as_deref().map(like_pattern);
    let filtered = |query: Query| query.bind(filter.category.as_deref()).bind(pattern.as_deref());
    let mut connection = database.acquire().await?;
    let rows =
        filtered(query(select)).bind(page.limit()).bind(page.offset()).fetch_all(&mut connection).await?;
    let total = filtered(query(count)).fetch_one(&mut connection).await?.try_get(0)?;
    Ok((rows.iter().map(product).collect::<Result<_, _>>()?, total))
}

/// Units in stock per category.
pub(crate) async fn stock_by_category(database: &Database) -> Result<Vec<(String, i64)>, Error> {
    let rows = database.fetch_all(query(&STOCK)).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

fn product(row: &Row) -> Result<Product, Error> {
    Ok(Product {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        category: row.try_get("category")?,
        price: Cents(row.try_get("price")?),
        stock: row.try_get("stock")?,
    })
}

/// What users type is text, not a pattern: the wildcards in it are escaped.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::like_pattern;

    #[test]
    fn wildcards_in_a_search_text_are_plain_characters() {
        assert_eq!(like_pattern("50%_a\\b"), "%50\\%\\_a\\\\b%");
    }
}
