//! The catalogue in the database. Each filter has a statement of its own, so that each can use its index, unless the settings
//! have all listings read.

use chassis::page::Page;
use telemetry::db::{Database, Error, Query, Row, RowExt, Statement, query};
use telemetry::statement;

use super::Product;
use super::settings::{BadRecord, CatalogueSettings, Parser, Plan};
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

/// The same by the table of all listings, which has no index that fits: the join begins there.
macro_rules! scanned {
    ($what:literal, $rest:literal) => {
        statement!(
            "SELECT",
            "listings",
            concat!(
                "SELECT ",
                $what,
                " FROM listings AS l CROSS JOIN products AS p ON p.id = l.product_id ",
                r"WHERE l.ended_at IS NULL AND (?1 IS NULL OR l.category = ?1) ",
                r"AND (?2 IS NULL OR p.name LIKE ?2 ESCAPE '\')",
                $rest
            )
        )
    };
}
static SCANNED: (Statement, Statement) = (
    scanned!("p.id, p.name, p.category, p.price, p.stock", " ORDER BY p.id LIMIT ?3 OFFSET ?4"),
    scanned!("COUNT(*)", ""),
);

pub(crate) async fn by_id(
    database: &Database,
    settings: &CatalogueSettings,
    id: i64,
) -> Result<Option<Product>, Error> {
    let row = database.fetch_optional(query(&BY_ID).bind(id)).await?;
    row.as_ref().map(|row| product(row, settings)).transpose()
}

/// The products of these ids that exist, in the order of the database.
pub(crate) async fn batch(
    database: &Database,
    settings: &CatalogueSettings,
    ids: &[i64],
) -> Result<Vec<Product>, Error> {
    let ids = serde_json::Value::from(ids).to_string();
    let rows = database.fetch_all(query(&BATCH).bind(ids)).await?;
    rows.iter().map(|row| product(row, settings)).collect()
}

/// What a page is filtered by.
pub(crate) struct Filter {
    pub(crate) category: Option<String>,
    pub(crate) name_part: Option<String>,
}

/// One page, and how many products pass the filter.
pub(crate) async fn page(
    database: &Database,
    settings: &CatalogueSettings,
    filter: &Filter,
    page: Page,
) -> Result<(Vec<Product>, i64), Error> {
    let (select, count) = statements(settings.plan.get(), filter);
    let pattern = filter.name_part.as_deref().map(like_pattern);
    let filtered = |query: Query| query.bind(filter.category.as_deref()).bind(pattern.as_deref());
    let mut connection = database.acquire().await?;
    let rows =
        filtered(query(select)).bind(page.limit()).bind(page.offset()).fetch_all(&mut connection).await?;
    let total = filtered(query(count)).fetch_one(&mut connection).await?.try_get(0)?;
    Ok((rows.iter().map(|row| product(row, settings)).collect::<Result<_, _>>()?, total))
}

/// A page's statement and its count.
fn statements(plan: Plan, filter: &Filter) -> &'static (Statement, Statement) {
    if plan == Plan::Scan {
        return &SCANNED;
    }
    match (&filter.category, &filter.name_part) {
        (None, None) => &ALL,
        (Some(_), None) => &IN_CATEGORY,
        (None, Some(_)) => &NAMED,
        (Some(_), Some(_)) => &NAMED_IN_CATEGORY,
    }
}

/// Units in stock per category.
pub(crate) async fn stock_by_category(database: &Database) -> Result<Vec<(String, i64)>, Error> {
    let rows = database.fetch_all(query(&STOCK)).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

fn product(row: &Row, settings: &CatalogueSettings) -> Result<Product, Error> {
    let (id, name): (i64, String) = (row.try_get("id")?, row.try_get("name")?);
    if settings.parser.get() == Parser::Strict && !name.is_ascii() {
        return Err(damaged(id, settings.on_bad_record.get()));
    }
    Ok(Product {
        id,
        name,
        category: row.try_get("category")?,
        price: Cents(settings.price(row.try_get("price")?)),
        stock: row.try_get("stock")?,
    })
}

/// What a record leads to that cannot be read.
fn damaged(id: i64, then: BadRecord) -> Error {
    let what = format!("product {id}: the name holds a character that is not ASCII");
    if then == BadRecord::Abort {
        tracing::error!(product.id = id, "{what}");
        std::process::abort();
    }
    Error::Other(sqlx::Error::ColumnDecode { index: "name".to_owned(), source: what.into() })
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
    use telemetry::Metrics;

    use super::*;
    use crate::{App, Config};

    #[test]
    fn wildcards_in_a_search_text_are_plain_characters() {
        assert_eq!(like_pattern("50%_a\\b"), "%50\\%\\_a\\\\b%");
    }

    /// How SQLite goes about a statement.
    async fn plan_of(app: &App, statement: &Statement, filter: &Filter) -> String {
        let text: &'static str = format!("EXPLAIN QUERY PLAN {}", statement.text).leak();
        let explain =
            Box::leak(Box::new(Statement { name: "EXPLAIN", operation: "EXPLAIN", collection: "", text }));
        let pattern = filter.name_part.as_deref().map(like_pattern);
        let explain = query(explain).bind(filter.category.as_deref()).bind(pattern);
        let explain = if text.contains("?4") { explain.bind(20_i64).bind(0_i64) } else { explain };
        let rows = app.database.fetch_all(explain).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.try_get("detail").unwrap()).collect();
        steps.join("; ")
    }

    #[tokio::test]
    async fn a_category_is_found_by_its_index_or_by_reading_every_listing() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path().join("products.db"));
        let app = App::start(config, Metrics::new("product-service", "0")).await.unwrap();
        let filter = Filter { category: Some("hub".to_owned()), name_part: None };
        let (page, count) = statements(Plan::Indexed, &filter);
        for statement in [page, count] {
            let plan = plan_of(&app, statement, &filter).await;
            assert!(plan.contains("USING") && plan.contains("products_by_category"), "{plan}");
        }
        for category in [None, Some("hub".to_owned())] {
            let filter = Filter { category, name_part: None };
            let (page, count) = statements(Plan::Scan, &filter);
            for statement in [page, count] {
                let plan = plan_of(&app, statement, &filter).await;
                assert!(plan.starts_with("SCAN l") && !plan.contains("products_by_category"), "{plan}");
            }
        }
    }
}
