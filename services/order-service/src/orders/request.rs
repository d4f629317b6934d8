//! What `POST /orders` takes: one product, or up to twenty items.

use std::fmt::Write as _;

use chassis::problem::Problem;
use serde::Deserialize;

/// The most items of one order.
const MAX_ITEMS: usize = 20;
/// The most units of one item.
const MAX_QUANTITY: i64 = 1000;

/// An order to place: either `product_id` and `quantity`, or `items`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
pub(super) struct OrderRequest {
    #[schema(example = 1)]
    user_id: i64,
    /// The product of an order with one item.
    #[schema(example = 101)]
    product_id: Option<i64>,
    /// Its units.
    #[schema(example = 1, minimum = 1, maximum = 1000)]
    quantity: Option<i64>,
    /// 1 to 20 items.
    items: Option<Vec<ItemRequest>>,
}

/// One item to order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub(super) struct ItemRequest {
    #[schema(example = 101)]
    pub(super) product_id: i64,
    #[schema(example = 1, minimum = 1, maximum = 1000)]
    pub(super) quantity: i64,
}

/// A request whose every value is in range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) user_id: i64,
    pub(super) items: Vec<ItemRequest>,
}

impl OrderRequest {
    /// Checks the ranges.
    pub(super) fn check(self) -> Result<Wanted, Problem> {
        let items = match (self.product_id, self.quantity, self.items) {
            (Some(product_id), Some(quantity), None) => vec![ItemRequest { product_id, quantity }],
            (None, None, Some(items)) => items,
            _ => {
                let detail = "send either product_id and quantity, or items";
                return Err(Problem::unprocessable("wrong-shape", detail));
            }
        };
        if !(1..=MAX_ITEMS).contains(&items.len()) {
            return Err(Problem::unprocessable("wrong-count", format!("items: 1 to {MAX_ITEMS} of them")));
        }
        if items.iter().any(|item| !(1..=MAX_QUANTITY).contains(&item.quantity)) {
            return Err(Problem::unprocessable("out-of-range", format!("quantity: 1 to {MAX_QUANTITY}")));
        }
        Ok(Wanted { user_id: self.user_id, items })
    }
}

impl Wanted {
    /// The same for two requests that ask for the same, however their JSON is written. Short enough to be stored as it is.
    pub(super) fn fingerprint(&self) -> String {
        self.items.iter().fold(format!("u{}", self.user_id), |mut text, item| {
            let _ = write!(text, ";{}x{}", item.product_id, item.quantity);
            text
        })
    }

    /// Each product once.
    pub(super) fn product_ids(&self) -> Vec<i64> {
        let mut ids: Vec<i64> = self.items.iter().map(|item| item.product_id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(json: &str) -> Result<Wanted, u16> {
        serde_json::from_str::<OrderRequest>(json).unwrap().check().map_err(|problem| problem.status.as_u16())
    }

    #[test]
    fn one_product_is_an_order_of_one_item() {
        let single = parse(r#"{"user_id":1,"product_id":101,"quantity":2}"#).unwrap();
        let listed = parse(r#"{"items":[{"quantity":2,"product_id":101}],"user_id":1}"#).unwrap();
        assert_eq!(single, listed);
        assert_eq!(single.fingerprint(), listed.fingerprint());
    }

    #[test]
    fn mixed_shapes_and_values_out_of_range_are_422() {
        for json in [
            r#"{"user_id":1}"#,
            r#"{"user_id":1,"product_id":101}"#,
            r#"{"user_id":1,"product_id":101,"quantity":0}"#,
            r#"{"user_id":1,"product_id":101,"quantity":1001}"#,
            r#"{"user_id":1,"product_id":101,"quantity":1,"items":[]}"#,
            r#"{"user_id":1,"items":[]}"#,
        ] {
            assert_eq!(parse(json), Err(422), "{json}");
        }
    }

    proptest! {
        #[test]
        fn different_wishes_have_different_fingerprints(
            a in proptest::collection::vec((0_i64..9999, 1_i64..1000), 1..5),
            b in proptest::collection::vec((0_i64..9999, 1_i64..1000), 1..5),
        ) {
            let wanted = |items: &[(i64, i64)]| Wanted {
                user_id: 1,
                items: items.iter().map(|&(product_id, quantity)| ItemRequest { product_id, quantity }).collect(),
            };
            prop_assert_eq!(a == b, wanted(&a).fingerprint() == wanted(&b).fingerprint());
        }
    }
}
