//! Panics as log events, with the ids of the span in which they happen, besides what the standard hook prints.

use std::cell::Cell;
use std::sync::Once;

thread_local! {
    static REPORTING: Cell<bool> = const { Cell::new(false) };
}

/// Installs the hook, once per process, in front of the one that is there.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // A panic inside the logging of a panic would abort the process.
            if !REPORTING.replace(true) {
                let location = info.location().map(ToString::to_string);
                tracing::error!(
                    exception.message =
                        info.payload_as_str().unwrap_or("panic with a payload that is no text"),
                    exception.location = location,
                    "panic"
                );
                REPORTING.set(false);
            }
            previous(info);
        }));
    });
}
