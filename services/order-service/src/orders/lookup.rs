//! The first step of an order: who orders, and what the products are called and cost.

use std::collections::HashMap;

use chassis::problem::Problem;

use super::request::Wanted;
use super::saga::{Refusal, dependency_failed, internal};
use super::settings::{Lookup, PriceSource};
use super::{Customer, Item};
use crate::App;
use crate::neighbours::Product;
use crate::outbound::Failure;

/// Both look-ups go out together and both are awaited, so that one's failure does not hide what the other found.
pub(super) async fn run(app: &App, wanted: &Wanted) -> Result<(Customer, HashMap<i64, Product>), Refusal> {
    let ids = wanted.product_ids();
    let (user, products) = tokio::join!(app.users.find(wanted.user_id), find(app, &ids));
    // What is known to be wrong with the request comes before what could not be found out.
    if let Ok(None) = user {
        let detail = format!("there is no user {}", wanted.user_id);
        return Err(Refusal {
            problem: Problem::bad_request("unknown-user", detail),
            outcome: "unknown_user",
        });
    }
    if let Ok(found) = &products
        && let Some(id) = ids.iter().find(|id| found.iter().all(|product| product.id != **id))
    {
        let detail = format!("there is no product {id}");
        let problem = Problem::bad_request("unknown-product", detail);
        return Err(Refusal { problem, outcome: "unknown_product" });
    }
    let user = user.map_err(|failure| dependency_failed(&failure))?;
    let products = products.map_err(|failure| dependency_failed(&failure))?;
    let user = user.ok_or_else(|| internal("the user vanished"))?;
    Ok((user, products.into_iter().map(|product| (product.id, product)).collect()))
}

/// The items of an order, in the order that they are wanted.
pub(super) fn items(wanted: &Wanted, products: &HashMap<i64, Product>) -> Vec<Item> {
    let wanted = wanted.items.iter();
    wanted
        .filter_map(|item| products.get(&item.product_id).map(|product| (item, product)))
        .map(|(item, product)| Item {
            product_id: product.id,
            product: product.name.clone(),
            price: product.price,
            quantity: item.quantity,
        })
        .collect()
}

/// Those of `ids` that exist.
async fn find(app: &App, ids: &[i64]) -> Result<Vec<Product>, Failure> {
    let settings = &app.order_settings;
    if settings.price_source.get() == PriceSource::Current {
        return ask(app, ids).await;
    }
    let (mut products, unknown) = app.price_list.known(ids, settings.price_ttl.millis());
    if !unknown.is_empty() {
        let found = ask(app, &unknown).await?;
        app.price_list.keep(&found);
        products.extend(found);
    }
    Ok(products)
}

async fn ask(app: &App, ids: &[i64]) -> Result<Vec<Product>, Failure> {
    match app.order_settings.lookup.get() {
        Lookup::Batch => app.products.find(ids).await,
        Lookup::Each => app.products.find_each(ids).await,
    }
}
