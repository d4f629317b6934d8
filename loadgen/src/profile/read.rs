//! Reads a profile's text and checks what it says. Every error names file, line, key and what to do.

use super::{Profile, Quantity, Threshold};
use crate::place::{Mistake, Place};
use crate::plan::arrivals::Spacing;
use crate::plan::journeys::Journey;
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    about: String,
    run: Run,
    arrivals: ArrivalsText,
    journeys: Weights,
    think: Think,
    products: Products,
    #[serde(default)]
    thresholds: Thresholds,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    rps: f64,
    duration: String,
    timeout: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArrivalsText {
    spacing: SpacingText,
    levels: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum SpacingText {
    Even,
    Poisson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[derive(Default)]
struct Weights {
    browse: f64,
    buy: f64,
    basket: f64,
    login: f64,
    wrong_id: f64,
    sold_out: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Think {
    mean: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Products {
    hot: u64,
    hot_share: f64,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    p50_ms: Option<f64>,
    p90_ms: Option<f64>,
    p99_ms: Option<f64>,
    p999_ms: Option<f64>,
    max_ms: Option<f64>,
    failed: Option<f64>,
    shed: Option<f64>,
}

/// Reads and checks the text of the profile `name`; `file` is what errors call it.
///
/// # Errors
/// When the text is not TOML, has unknown or missing keys, or values without meaning.
pub fn parse(name: &str, file: &str, text: &str) -> Result<Profile, Mistake> {
    let place = Place { file, text };
    let raw: Text = toml::from_str(text).map_err(|e| place.syntax(&e))?;
    let (run, arrivals) = (&raw.run, &raw.arrivals);
    place.check(run.rps > 0.0 && run.rps <= 1e6, "run", "rps", "must be above 0 and at most 1000000")?;
    let duration = place.duration("run", "duration", &run.duration)?;
    place.check(duration >= Duration::from_millis(100), "run", "duration", "must be at least 100ms")?;
    let timeout = place.duration("run", "timeout", &run.timeout)?;
    place.check(timeout >= Duration::from_millis(1), "run", "timeout", "must be at least 1ms")?;
    levels(&place, &arrivals.levels)?;
    let think = place.duration("think", "mean", &raw.think.mean)?;
    place.check(think <= Duration::from_secs(600), "think", "mean", "must be at most 10m")?;
    let products = &raw.products;
    place.check(
        (1..=1000).contains(&products.hot),
        "products",
        "hot",
        "must be 1 to 1000, the catalogue's size",
    )?;
    place.check((0.0..=1.0).contains(&products.hot_share), "products", "hot_share", "is a share: 0 to 1")?;
    Ok(Profile {
        name: name.to_owned(),
        about: raw.about.clone(),
        rps: run.rps,
        duration,
        timeout,
        spacing: match arrivals.spacing {
            SpacingText::Even => Spacing::Even,
            SpacingText::Poisson => Spacing::Poisson,
        },
        levels: arrivals.levels.clone(),
        journeys: journeys(&place, &raw.journeys)?,
        think,
        hot: products.hot,
        hot_share: products.hot_share,
        thresholds: thresholds(&place, &raw.thresholds)?,
    })
}

fn levels(place: &Place<'_>, levels: &[(f64, f64)]) -> Result<(), Mistake> {
    let check = |good, reason| place.check(good, "arrivals", "levels", reason);
    check((2..=1000).contains(&levels.len()), "needs 2 to 1000 points [percent, level]")?;
    check(levels.iter().all(|(p, l)| p.is_finite() && (0.0..=1000.0).contains(l)), "a level is 0 to 1000")?;
    check(levels.windows(2).all(|w| w[0].0 <= w[1].0), "percents must ascend")?;
    let ends = (levels[0].0, levels[levels.len() - 1].0);
    check(ends == (0.0, 100.0), "the first percent must be 0 and the last 100")?;
    let area: f64 = levels.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1)).sum();
    check(area > 0.0, "no traffic: at least one level must be above 0")
}

fn journeys(place: &Place<'_>, weights: &Weights) -> Result<Vec<(Journey, f64)>, Mistake> {
    let mut used = Vec::new();
    for journey in Journey::ALL {
        let weight = match journey {
            Journey::Browse => weights.browse,
            Journey::Buy => weights.buy,
            Journey::Basket => weights.basket,
            Journey::Login => weights.login,
            Journey::WrongId => weights.wrong_id,
            Journey::SoldOut => weights.sold_out,
        };
        place.check((0.0..=1e6).contains(&weight), "journeys", journey.name(), "a weight is 0 to 1000000")?;
        if weight > 0.0 {
            used.push((journey, weight));
        }
    }
    let names = Journey::ALL.map(Journey::name).join(", ");
    place.check(
        !used.is_empty(),
        "",
        "journeys",
        &format!("give at least one a weight above 0 of {names}"),
    )?;
    Ok(used)
}

fn thresholds(place: &Place<'_>, raw: &Thresholds) -> Result<Vec<Threshold>, Mistake> {
    let all = [
        (Quantity::P50, "p50_ms", raw.p50_ms),
        (Quantity::P90, "p90_ms", raw.p90_ms),
        (Quantity::P99, "p99_ms", raw.p99_ms),
        (Quantity::P999, "p999_ms", raw.p999_ms),
        (Quantity::Max, "max_ms", raw.max_ms),
        (Quantity::Failed, "failed", raw.failed),
        (Quantity::Shed, "shed", raw.shed),
    ];
    let mut used = Vec::new();
    for (quantity, key, value) in all {
        let Some(value) = value else { continue };
        let good = if quantity.is_share() { (0.0..=1.0).contains(&value) } else { value > 0.0 };
        let reason =
            if quantity.is_share() { "is a share: 0 to 1" } else { "must be above 0 (milliseconds)" };
        place.check(good, "thresholds", key, reason)?;
        used.push(Threshold::new(quantity, value));
    }
    Ok(used)
}
