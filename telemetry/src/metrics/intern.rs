//! Route templates as `&'static str`, so that a request's labels need no allocation. Templates are few and known at start;
//! a bound keeps a program that builds them from data from leaking without end.

use std::collections::HashSet;
use std::sync::{LazyLock, PoisonError, RwLock};

use crate::names::UNKNOWN_ROUTE;

/// More templates than any service has; beyond it the route is `<unknown>`.
const MAX_ROUTES: usize = 1024;

/// `template` for the rest of the process, or `<unknown>` when there are too many different ones.
#[must_use]
pub fn route(template: &str) -> &'static str {
    static ROUTES: LazyLock<Routes> = LazyLock::new(Routes::default);
    ROUTES.intern(template)
}

#[derive(Default)]
struct Routes(RwLock<HashSet<&'static str>>);

impl Routes {
    fn intern(&self, template: &str) -> &'static str {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(template) {
            return known;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = known.get(template) {
            return same;
        }
        if known.len() >= MAX_ROUTES {
            return UNKNOWN_ROUTE;
        }
        let leaked: &'static str = Box::leak(template.to_owned().into_boxed_str());
        known.insert(leaked);
        leaked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_templates_is_bounded() {
        let routes = Routes::default();
        let first = routes.intern("/first/{id}");
        for n in 0..2 * MAX_ROUTES {
            let _ = routes.intern(&format!("/generated/{n}"));
        }
        assert_eq!(routes.intern("/one/too/many"), UNKNOWN_ROUTE);
        assert!(std::ptr::eq(first, routes.intern("/first/{id}")));
    }
}
