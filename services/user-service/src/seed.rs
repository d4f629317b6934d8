//! The accounts of an empty database: two that people type, and a generated crowd, one of which has ordered a great deal. One
//! statement each, so that a start stays fast.

use chassis::clock;
use telemetry::db::{Query, Statement, query};
use telemetry::statement;

/// Every seeded account's password is `correct-horse`: argon2id, 4 MiB, 2 passes, 1 lane. A demo's cost, chosen for memory.
pub(crate) const DEMO_HASH: &str =
    "$argon2id$v=19$m=4096,t=2,p=1$ZmlyZWRyaWxsLWRlbW8tMQ$ALVPzwkgXkSFwkOCNprAw2hWuasLXQKKzRlbK6ORon8";

/// The last generated account.
const LAST: usize = 1000;

const FIRST: [&str; 20] = [
    "Ada", "Ben", "Chloe", "Dario", "Elif", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kenji", "Lea",
    "Mina", "Noor", "Olga", "Pablo", "Quinn", "Rosa", "Sven", "Tara",
];
const LAST_NAMES: [&str; 25] = [
    "Adler", "Bauer", "Castro", "Dubois", "Evans", "Fischer", "Garcia", "Haddad", "Ivanov", "Jansen", "Kaya",
    "Lopez", "Meyer", "Novak", "Okafor", "Patel", "Quiroga", "Rossi", "Santos", "Tanaka", "Ueda", "Vargas",
    "Weber", "Yilmaz", "Zhang",
];

pub(crate) static ANY: Statement = statement!("SELECT", "users", "SELECT 1 FROM users LIMIT 1");
static FILL: Statement = statement!(
    "INSERT",
    "users",
    "INSERT INTO users (id, name, email, password_hash)
     SELECT value ->> 0, value ->> 1, value ->> 2, ?2 FROM json_each(?1)"
);

pub(crate) fn fill() -> Query {
    query(&FILL).bind(serde_json::Value::from_iter(accounts()).to_string()).bind(DEMO_HASH)
}

/// The last account: a shop that orders for its own customers.
const RESELLER: i64 = 1000;

pub(crate) static ANY_PAST: Statement =
    statement!("SELECT", "notifications", "SELECT 1 FROM notifications WHERE event_id = 'past-1'");
/// What is left of an earlier filling is left alone.
static FILL_PAST: Statement = statement!(
    "INSERT",
    "notifications",
    "INSERT INTO notifications (user_id, event_id, type, order_id, total, created_at)
     WITH RECURSIVE past(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM past WHERE i < ?2)
     SELECT ?1, 'past-' || i, 'order.confirmed', i, 499 + i % 9500, ?3 FROM past WHERE i <= ?2
     ON CONFLICT (event_id) DO NOTHING"
);

/// What the reseller has been told of so many orders.
pub(crate) fn past(orders: u32) -> Query {
    query(&FILL_PAST).bind(RESELLER).bind(i64::from(orders)).bind(clock::now_ms())
}

fn accounts() -> impl Iterator<Item = serde_json::Value> {
    let typed = [(1, "Alice Johnson", "alice@example.com"), (2, "Bob Smith", "bob@example.com")];
    let typed = typed.into_iter().map(|(id, name, email)| serde_json::json!([id, name, email]));
    let generated = (3..=LAST).map(|id| {
        let (first, last) = (FIRST[id % FIRST.len()], LAST_NAMES[(id / FIRST.len()) % LAST_NAMES.len()]);
        // Told by the id alone, so that whoever knows an account's id can log in to it.
        let email = format!("user{id}@example.com");
        serde_json::json!([id, format!("{first} {last}"), email])
    });
    typed.chain(generated)
}
