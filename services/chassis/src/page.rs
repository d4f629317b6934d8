//! `?page=&per_page=`: pages count from 1, and both have an upper bound.

use crate::problem::Problem;

/// The most items on one page.
pub const MAX_PER_PAGE: u32 = 100;
/// The last page that can be asked for.
pub const MAX_PAGE: u32 = 10_000;

/// A page within the bounds. Handlers document the two parameters with their own query and call [`Page::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The page, from 1.
    pub page: u32,
    /// Items per page.
    pub per_page: u32,
}

impl Page {
    /// Checks the bounds; missing values mean page 1 of 20 items.
    ///
    /// # Errors
    /// 400 when a value is out of bounds.
    pub fn new(page: Option<u32>, per_page: Option<u32>) -> Result<Self, Problem> {
        let (page, per_page) = (page.unwrap_or(1), per_page.unwrap_or(20));
        if !(1..=MAX_PAGE).contains(&page) {
            return Err(Problem::bad_request("bad-query", format!("page: expected 1 to {MAX_PAGE}")));
        }
        if !(1..=MAX_PER_PAGE).contains(&per_page) {
            return Err(Problem::bad_request("bad-query", format!("per_page: expected 1 to {MAX_PER_PAGE}")));
        }
        Ok(Self { page, per_page })
    }

    /// Rows to skip.
    #[must_use]
    pub fn offset(self) -> i64 {
        i64::from(self.page - 1) * i64::from(self.per_page)
    }

    /// Rows to take.
    #[must_use]
    pub fn limit(self) -> i64 {
        i64::from(self.per_page)
    }
}
