//! The requests an audit sends, and what each one must leave behind. Pure: a seed and a number in, a request out.
//!
//! The mix holds successes and planned errors, because an audit that only looks at good requests misses the
//! traces that people need most.

use loadgen::plan::decide::{Stream, below, decide};
use serde_json::json;

/// One server-side hop that an answer implies: a SERVER span, a request line, and a count of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hop {
    /// Who called.
    pub caller: &'static str,
    /// Who answered.
    pub service: &'static str,
    /// The method.
    pub method: &'static str,
    /// The route's template.
    pub route: &'static str,
    /// The status it answered.
    pub status: u16,
}

/// One request of the audit.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The service asked.
    pub service: &'static str,
    /// The method.
    pub method: &'static str,
    /// The route's template.
    pub route: &'static str,
    /// The path and query sent.
    pub path: String,
    /// The body, for methods that have one.
    pub body: Option<String>,
    /// The status that this request has to get.
    pub expected: u16,
    /// What the expected answer implies, in the order it happens. The first hop is the request itself.
    pub hops: Vec<Hop>,
    /// The business event that must be logged with the answer, if any.
    pub event: Option<&'static str>,
}

impl Request {
    /// Whether the answer makes order-service deliver a notification later, in a trace of its own.
    pub fn notifies(&self) -> bool {
        self.event == Some(ORDER_CONFIRMED)
    }
}

/// The log message of a confirmed order.
pub const ORDER_CONFIRMED: &str = "order confirmed";

/// The hop that a confirmed order implies after its own trace has ended.
pub const NOTIFICATION: Hop =
    Hop { caller: ORDER, service: USER, method: "POST", route: "/users/{id}/notifications", status: 201 };

const USER: &str = "user-service";
const PRODUCT: &str = "product-service";
const ORDER: &str = "order-service";
const CLIENT: &str = "loadgen";

/// The request number `index` of the audit with this seed.
///
/// It relies on the services' seed data: users 1 to 1000, products 1001 to 2000 with stock for years, products 9001
/// to 9010 sold out, and no id from a million on.
pub fn request(seed: u64, index: u32) -> Request {
    let draw = |stream, which, low: u64, high: u64| {
        low + below(decide(seed, stream, u64::from(index), which, 0), high - low + 1)
    };
    let user = draw(Stream::User, 0, 1, 1000);
    let product = draw(Stream::Product, 0, 1001, 2000);
    let another = draw(Stream::Product, 1, 1001, 2000);
    let sold_out = draw(Stream::Product, 2, 9001, 9010);
    let unknown = draw(Stream::User, 1, 1_000_000, 1_999_999);
    match draw(Stream::Journey, 0, 0, 99) {
        0..30 => order(user, &[product], Fate::Confirmed),
        30..40 => order(user, &[product, another, 1001], Fate::Confirmed),
        40..46 => order(unknown, &[product], Fate::UnknownUser),
        46..52 => order(user, &[unknown], Fate::UnknownProduct),
        52..58 => order(user, &[sold_out], Fate::SoldOut),
        58..64 => order(user, &[product, sold_out], Fate::SoldOut),
        64..68 => refused_order("{\"user_id\": 1,", 400),
        68..72 => refused_order("{\"user_id\": \"one\", \"product_id\": 1001, \"quantity\": 1}", 422),
        72..80 => get(USER, "/users/{id}", format!("/users/{user}"), 200),
        80..84 => get(USER, "/users/{id}", format!("/users/{unknown}"), 404),
        84..92 => get(PRODUCT, "/products/{id}", format!("/products/{product}"), 200),
        92..96 => get(PRODUCT, "/products", "/products?page=1".into(), 200),
        _ => get(ORDER, "/orders/{id}", format!("/orders/{unknown}000000"), 404),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Confirmed,
    UnknownUser,
    UnknownProduct,
    SoldOut,
}

fn order(user: u64, products: &[u64], fate: Fate) -> Request {
    let mut items: Vec<u64> = Vec::new();
    for product in products {
        // One line per product: the same product twice is another story.
        if !items.contains(product) {
            items.push(*product);
        }
    }
    let body = match items.as_slice() {
        [product] => json!({"user_id": user, "product_id": product, "quantity": 1}),
        _ => {
            let items: Vec<_> = items.iter().map(|id| json!({"product_id": id, "quantity": 1})).collect();
            json!({"user_id": user, "items": items})
        }
    };
    let expected = match fate {
        Fate::Confirmed => 201,
        Fate::UnknownUser | Fate::UnknownProduct => 400,
        Fate::SoldOut => 409,
    };
    let inner = |service, method, route, status| Hop { caller: ORDER, service, method, route, status };
    let mut hops = vec![
        Hop { caller: CLIENT, service: ORDER, method: "POST", route: "/orders", status: expected },
        inner(USER, "GET", "/users/{id}", if fate == Fate::UnknownUser { 404 } else { 200 }),
        inner(PRODUCT, "POST", "/products/batch", 200),
    ];
    let reserve = |status| inner(PRODUCT, "POST", "/products/{id}/reserve", status);
    match fate {
        Fate::Confirmed => hops.extend(items.iter().map(|_| reserve(200))),
        Fate::SoldOut => {
            let taken = items.len() - 1;
            hops.extend((0..taken).map(|_| reserve(200)));
            hops.push(reserve(409));
            hops.extend((0..taken).map(|_| inner(PRODUCT, "POST", "/products/{id}/release", 200)));
        }
        Fate::UnknownUser | Fate::UnknownProduct => {}
    }
    Request {
        service: ORDER,
        method: "POST",
        route: "/orders",
        path: "/orders".into(),
        body: Some(body.to_string()),
        expected,
        hops,
        event: (fate == Fate::Confirmed).then_some(ORDER_CONFIRMED),
    }
}

fn refused_order(body: &str, expected: u16) -> Request {
    Request {
        service: ORDER,
        method: "POST",
        route: "/orders",
        path: "/orders".into(),
        body: Some(body.into()),
        expected,
        hops: vec![Hop {
            caller: CLIENT,
            service: ORDER,
            method: "POST",
            route: "/orders",
            status: expected,
        }],
        event: None,
    }
}

fn get(service: &'static str, route: &'static str, path: String, expected: u16) -> Request {
    Request {
        service,
        method: "GET",
        route,
        path,
        body: None,
        expected,
        hops: vec![Hop { caller: CLIENT, service, method: "GET", route, status: expected }],
        event: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_repeats_its_requests_and_another_seed_has_others() {
        let of = |seed| (0..200).map(|i| request(seed, i)).collect::<Vec<_>>();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn a_hundred_requests_hold_successes_and_every_planned_error() {
        let statuses: BTreeSet<u16> = (0..100).map(|i| request(1, i).expected).collect();
        assert_eq!(statuses, BTreeSet::from([200, 201, 400, 404, 409, 422]));
    }

    #[test]
    fn a_basket_that_fails_releases_what_it_reserved() {
        let failed = order(1, &[1001, 9001], Fate::SoldOut);
        let routes: Vec<_> = failed.hops.iter().map(|hop| (hop.route, hop.status)).collect();
        assert_eq!(
            routes,
            [
                ("/orders", 409),
                ("/users/{id}", 200),
                ("/products/batch", 200),
                ("/products/{id}/reserve", 200),
                ("/products/{id}/reserve", 409),
                ("/products/{id}/release", 200),
            ]
        );
    }
}
