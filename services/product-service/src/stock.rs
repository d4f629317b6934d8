//! The gauge of the stock: what the database has, which other instances of this service change, too.

use std::time::Duration;

use telemetry::db::{Database, Error};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::App;
use crate::catalogue::store;
use crate::metrics::ShopMetrics;

/// Between two counts; what this instance itself changes shows at once.
const EACH: Duration = Duration::from_secs(1);

/// Counts once a second until told to stop. A count that fails leaves the gauge as it was: requests tell of a database in
/// trouble.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let quiet = app.database.untraced();
    let mut ticks = interval(EACH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if stop.run_until_cancelled(count(&app.shop, &quiet)).await.is_none() {
            return;
        }
    }
}

/// Counts now.
pub(crate) async fn count(shop: &ShopMetrics, quiet: &Database) -> Result<(), Error> {
    for (category, units) in store::stock_by_category(quiet).await? {
        shop.stock_is(&category, units);
    }
    Ok(())
}
