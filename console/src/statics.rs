//! The style sheet and the icon. Their URLs change with their content, so browsers may keep them for good.

use axum::{
    http::{HeaderName, header},
    response::IntoResponse,
};
use std::sync::LazyLock;

const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");

/// Where the style sheet is.
pub(crate) static STYLE_PATH: LazyLock<String> =
    LazyLock::new(|| format!("/static/{:016x}.css", hash(STYLE)));
/// Where the icon is.
pub(crate) static ICON_PATH: LazyLock<String> = LazyLock::new(|| format!("/static/{:016x}.svg", hash(ICON)));

/// FNV-1a: only to tell versions apart, so it need not resist anybody.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

const KEEP: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");

pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), KEEP], STYLE)
}

pub(crate) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), KEEP], ICON)
}
