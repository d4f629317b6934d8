//! The catalogue of an empty database, and its past. One statement each, so that a start stays fast.

use serde_json::{Value, json};
use telemetry::db::{Query, Statement, query};
use telemetry::statement;

/// Generated products that never run out under load.
const GENERATED: std::ops::RangeInclusive<usize> = 1001..=2000;
/// A product whose maker writes its name with an accent.
const ACCENTED: usize = 1500;
/// Products that are no longer made: always out of stock.
const DISCONTINUED: std::ops::RangeInclusive<usize> = 9001..=9010;

const LINES: [&str; 10] =
    ["Aero", "Basalt", "Cirrus", "Delta", "Ember", "Flint", "Gale", "Harbor", "Iris", "Juniper"];
/// Category, the product's noun, and the lowest price in cents.
const KINDS: [(&str, &str, usize); 8] = [
    ("keyboard", "Keyboard", 3999),
    ("hub", "USB-C Hub", 1999),
    ("stand", "Monitor Stand", 4999),
    ("audio", "Headset", 2999),
    ("cable", "Cable", 499),
    ("mouse", "Mouse", 1499),
    ("camera", "Webcam", 3499),
    ("light", "Desk Light", 1899),
];

pub(crate) static ANY: Statement = statement!("SELECT", "products", "SELECT 1 FROM products LIMIT 1");
static FILL: Statement = statement!(
    "INSERT",
    "products",
    "INSERT INTO products (id, name, category, price, stock)
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1)"
);

pub(crate) static ANY_LISTING: Statement = statement!("SELECT", "listings", "SELECT 1 FROM listings LIMIT 1");
/// Today's listings first; then those that ended, of products that are not sold any more.
static FILL_LISTINGS: Statement = statement!(
    "INSERT",
    "listings",
    "INSERT INTO listings (product_id, category, listed_at, ended_at)
     WITH RECURSIVE ended(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM ended WHERE i < ?1)
     SELECT id, category, 0, NULL FROM products
     UNION ALL
     SELECT 100000 + i % 20000,
            CASE i % 8 WHEN 0 THEN 'keyboard' WHEN 1 THEN 'hub' WHEN 2 THEN 'stand' WHEN 3 THEN 'audio'
                       WHEN 4 THEN 'cable' WHEN 5 THEN 'mouse' WHEN 6 THEN 'camera' ELSE 'light' END,
            i * 1000, i * 2000
     FROM ended"
);

/// Listings that ended: enough for it to show when all of them are read.
const ENDED: i64 = 120_000;

pub(crate) fn listings() -> Query {
    query(&FILL_LISTINGS).bind(ENDED)
}

pub(crate) fn fill() -> Query {
    query(&FILL).bind(Value::from_iter(catalogue()).to_string())
}

fn catalogue() -> impl Iterator<Item = Value> {
    let typed = [
        json!([101, "Wireless Keyboard", "keyboard", 4999, 150]),
        json!([102, "USB-C Hub", "hub", 3499, 75]),
        json!([103, "Monitor Stand", "stand", 8999, 30]),
    ];
    let generated = GENERATED.map(|id| {
        let (category, noun, base) = KINDS[id % KINDS.len()];
        let line = LINES[(id / KINDS.len()) % LINES.len()];
        let noun = if id == ACCENTED { "Câble" } else { noun };
        json!([id, format!("{line} {noun} {id}"), category, base + (id * 37) % 5000, 1_000_000])
    });
    let discontinued = DISCONTINUED.map(|id| {
        let (_, noun, base) = KINDS[id % KINDS.len()];
        json!([id, format!("Classic {noun} {id}"), "discontinued", base, 0])
    });
    typed.into_iter().chain(generated).chain(discontinued)
}
