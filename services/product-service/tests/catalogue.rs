//! The catalogue: seeded products, filters that combine, and batches that keep the asked order.

use chassis::testing::{get, post, send};
use serde_json::{Value, json};

use crate::support::{Service, service};

async fn page(service: &Service, query: &str) -> Value {
    let reply = send(&service.router, get(&format!("/products?{query}"))).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.json);
    reply.json
}

#[tokio::test]
async fn the_seed_holds_the_typed_the_generated_and_the_discontinued_products() {
    let service = service().await;
    assert_eq!(page(&service, "").await["total"], 1013);
    for (id, name, price, stock) in [
        (101, "Wireless Keyboard", 49.99, 150),
        (102, "USB-C Hub", 34.99, 75),
        (103, "Monitor Stand", 89.99, 30),
    ] {
        let product = send(&service.router, get(&format!("/products/{id}"))).await.json;
        assert_eq!(
            (&product["name"], &product["price"], &product["stock"]),
            (&json!(name), &json!(price), &json!(stock))
        );
    }
    for (id, stock) in [(1001, 1_000_000), (2000, 1_000_000), (9001, 0), (9010, 0)] {
        assert_eq!(send(&service.router, get(&format!("/products/{id}"))).await.json["stock"], stock);
    }
}

#[tokio::test]
async fn filters_narrow_each_other_and_wildcards_are_plain_text() {
    let service = service().await;
    let hubs = page(&service, "category=hub").await["total"].as_i64().unwrap();
    let aero = page(&service, "q=aero").await["total"].as_i64().unwrap();
    let both = page(&service, "category=hub&q=aero").await;
    let total = both["total"].as_i64().unwrap();
    assert!(0 < total && total < hubs && total < aero, "{total} of {hubs} and {aero}");
    for product in both["products"].as_array().unwrap() {
        assert_eq!(product["category"], "hub");
        assert!(product["name"].as_str().unwrap().contains("Aero"));
    }
    assert_eq!(page(&service, "q=%25").await["total"], 0);
    assert_eq!(page(&service, "category=none").await["total"], 0);
}

#[tokio::test]
async fn a_control_character_is_no_search() {
    let service = service().await;
    for (query, name) in [
        // To SQLite, a NUL would be the pattern's end.
        ("q=%00", "q"),
        ("q=usb%00", "q"),
        ("q=usb%0A", "q"),
        ("q=%C2%85", "q"),
        ("category=hub%00", "category"),
        ("category=%7F&q=usb", "category"),
    ] {
        let reply = send(&service.router, get(&format!("/products?{query}"))).await;
        assert_eq!(reply.status, 400, "{query}: {}", reply.json);
        let detail = reply.json["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("{name}: ")), "{detail}");
    }
    assert_eq!(page(&service, "q=%C3%A9").await["total"], 0, "a letter beyond ASCII is text");
}

#[tokio::test]
async fn pages_do_not_overlap_and_end() {
    let service = service().await;
    let ids = |page: &Value| -> Vec<i64> {
        page["products"].as_array().unwrap().iter().map(|product| product["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&page(&service, "per_page=4").await), [101, 102, 103, 1001]);
    assert_eq!(ids(&page(&service, "per_page=4&page=2").await), [1002, 1003, 1004, 1005]);
    assert!(ids(&page(&service, "per_page=100&page=12").await).is_empty());
}

#[tokio::test]
async fn a_batch_keeps_the_asked_order_and_names_what_is_missing_once() {
    let service = service().await;
    let body = json!({ "ids": [103, 5, 101, 103, 5, 6] });
    let answer = send(&service.router, post("/products/batch", &body)).await.json;
    let ids: Vec<_> =
        answer["products"].as_array().unwrap().iter().map(|product| product["id"].clone()).collect();
    assert_eq!(ids, [json!(103), json!(101)]);
    assert_eq!(answer["missing"], json!([5, 6]));
}
