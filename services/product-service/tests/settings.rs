//! Settings of the catalogue act while the service runs.

use chassis::testing::{Reply, get, post, send, set};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Service, service};

async fn change(service: &Service, key: &str, value: impl Into<Value>) {
    set(service.app.settings(), key, value).await;
}

async fn read(service: &Service, path: &str) -> Reply {
    send(&service.router, get(path)).await
}

/// The sample of these labels, which is 0 where there is none yet.
fn sample(service: &Service, name: &str, labels: &str) -> u64 {
    let start = format!("{name}{{service=\"product-service\"{labels}}} ");
    let text = service.metrics.encode();
    text.lines().find_map(|line| line.strip_prefix(&start)).map_or(0, |value| value.parse().unwrap())
}

/// Statements that read a table.
fn reads(service: &Service, table: &str) -> u64 {
    let labels = format!(",operation=\"SELECT\",collection=\"{table}\",outcome=\"ok\"");
    sample(service, "db_client_operation_duration_seconds_count", &labels)
}

fn asked(service: &Service, outcome: &str) -> u64 {
    sample(service, "cache_requests_total", &format!(",outcome=\"{outcome}\""))
}

#[tokio::test]
async fn a_page_is_the_same_by_the_index_and_by_all_listings() {
    let service = service().await;
    let queries = [
        "",
        "category=hub",
        "q=aero",
        "category=hub&q=aero&per_page=3&page=2",
        "category=none",
        "q=%25",
        "category=discontinued",
    ];
    for query in queries {
        let path = format!("/products?{query}");
        change(&service, "query.plan", "indexed").await;
        let listings = reads(&service, "listings");
        let indexed = read(&service, &path).await;
        assert_eq!(reads(&service, "listings"), listings);
        change(&service, "query.plan", "scan").await;
        let scanned = read(&service, &path).await;
        assert_eq!(reads(&service, "listings"), listings + 2, "the page and its count");
        assert_eq!((scanned.status, scanned.json), (200, indexed.json), "{query}");
    }
}

#[tokio::test]
async fn a_page_that_is_kept_is_not_read_again_until_its_time_is_over() {
    let service = service().await;
    let path = "/products?category=hub&per_page=3";
    let plain = read(&service, path).await;
    change(&service, "cache.ttl_ms", 3_600_000).await;
    change(&service, "cache.enabled", true).await;
    let first = read(&service, path).await;
    assert_eq!(first.json, plain.json);
    assert_eq!(first.headers["content-type"], plain.headers["content-type"]);
    let before = reads(&service, "products");
    for _ in 0..3 {
        assert_eq!(read(&service, path).await.json, plain.json);
    }
    assert_eq!(reads(&service, "products"), before, "nothing was read");
    assert_eq!((asked(&service, "miss"), asked(&service, "hit")), (1, 3));
    assert_eq!(sample(&service, "cache_entries", ""), 1);
    read(&service, "/products?category=hub&per_page=4").await;
    assert_eq!(asked(&service, "miss"), 2, "another page is another page");

    change(&service, "cache.enabled", false).await;
    assert_eq!(sample(&service, "cache_entries", ""), 0);
    change(&service, "cache.ttl_ms", 1).await;
    change(&service, "cache.enabled", true).await;
    for expected in [3, 4] {
        read(&service, path).await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        assert_eq!(asked(&service, "miss"), expected, "its time is over");
    }
}

/// What five requests for one page, which come before the first is answered, are to the cache.
async fn five_at_once(single_flight: bool) -> (u64, u64) {
    let service = service().await;
    change(&service, "cache.enabled", true).await;
    change(&service, "cache.single_flight", single_flight).await;
    change(&service, "db.pool.max_connections", 1).await;
    let held = service.app.database.acquire().await.unwrap();
    let all = join_all((0..5).map(|_| read(&service, "/products")));
    let release = async {
        // Each of the five has been asked once, and waits.
        tokio::task::yield_now().await;
        drop(held);
    };
    let (replies, ()) = tokio::join!(all, release);
    assert!(replies.iter().all(|reply| reply.status == 200 && reply.json == replies[0].json));
    (asked(&service, "miss"), asked(&service, "joined"))
}

#[tokio::test]
async fn those_who_ask_for_a_page_that_is_being_read_wait_for_it_or_read_it_too() {
    assert_eq!(five_at_once(true).await, (1, 4));
    assert_eq!(five_at_once(false).await, (5, 0));
}

#[tokio::test]
async fn as_many_pages_are_kept_as_there_is_room_for() {
    let service = service().await;
    change(&service, "cache.enabled", true).await;
    change(&service, "cache.max_entries", 2).await;
    let pages = async || {
        for page in 1..=5 {
            read(&service, &format!("/products?page={page}")).await;
        }
        sample(&service, "cache_entries", "")
    };
    assert_eq!(pages().await, 2);
    change(&service, "cache.max_entries", 0).await;
    assert_eq!(pages().await, 5, "0 is no bound");
    change(&service, "cache.max_entries", 3).await;
    assert_eq!(sample(&service, "cache_entries", ""), 3, "what is too much goes at once");
}

#[tokio::test]
async fn each_request_has_a_page_of_its_own_when_pages_vary_by_it() {
    let service = service().await;
    change(&service, "cache.enabled", true).await;
    change(&service, "cache.vary", "request").await;
    change(&service, "cache.max_entries", 0).await;
    for _ in 0..4 {
        read(&service, "/products").await;
    }
    assert_eq!((asked(&service, "miss"), asked(&service, "hit")), (4, 0));
    assert_eq!(sample(&service, "cache_entries", ""), 4);
}

#[tokio::test]
async fn a_strict_parser_refuses_the_one_product_that_it_cannot_read() {
    let service = service().await;
    let odd = read(&service, "/products/1500").await;
    assert_eq!((odd.status, &odd.json["name"]), (200, &json!("Harbor Câble 1500")));
    change(&service, "catalogue.parser", "strict").await;
    assert_eq!(read(&service, "/products/1500").await.status, 500);
    assert_eq!(read(&service, "/products/1501").await.status, 200);
    for (ids, status) in [([1499, 1501], 200), ([1499, 1500], 500)] {
        let reply = send(&service.router, post("/products/batch", &json!({ "ids": ids }))).await;
        assert_eq!(reply.status, status, "{ids:?}");
    }
    change(&service, "catalogue.parser", "lenient").await;
    assert_eq!(read(&service, "/products/1500").await.status, 200);
}

#[tokio::test]
async fn a_discount_is_taken_off_every_price_and_off_the_value_of_reservations() {
    let service = service().await;
    let value =
        |outcome: &str| sample(&service, "reservation_value_cents_total", &format!(",outcome=\"{outcome}\""));
    let reserve = json!({ "quantity": 2, "reservation_id": "r-1" });
    assert_eq!(send(&service.router, post("/products/101/reserve", &reserve)).await.status, 200);
    assert_eq!(value("reserved"), 2 * 4999);
    change(&service, "pricing.discount_percent", 10).await;
    assert_eq!(read(&service, "/products/101").await.json["price"], 44.99);
    let batch = send(&service.router, post("/products/batch", &json!({ "ids": [102] }))).await;
    assert_eq!(batch.json["products"][0]["price"], 31.49);
    let release = json!({ "reservation_id": "r-1" });
    assert_eq!(send(&service.router, post("/products/101/release", &release)).await.status, 200);
    assert_eq!(value("released"), 2 * 4499);
}
