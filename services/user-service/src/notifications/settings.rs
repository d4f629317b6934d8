//! How notifications are read: what can be changed while the service runs.

use chassis::settings::{Choice, List};

/// What is read for one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageRead {
    /// The page, and the number of the others.
    Bounded,
    /// All of a user's, of which the page is taken.
    All,
}

/// The settings of notifications.
#[derive(Clone)]
pub(crate) struct NotificationSettings {
    pub(super) page: Choice<PageRead>,
}

impl NotificationSettings {
    pub(crate) fn add(list: &mut List) -> Self {
        Self {
            page: list.choice(
                "notifications.page",
                &[("bounded", PageRead::Bounded), ("all", PageRead::All)],
                PageRead::Bounded,
                "What is read for a page of notifications: the page, or all of the user's, of which the page is taken",
            ),
        }
    }
}
