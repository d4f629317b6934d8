//! Requests of further clients, at an even rate: part of a fault whose cause is what users do.

use super::act::Act;
use super::stack::Stack;
use super::users::Users;
use crate::client::{Call, Ids, RunId, Sender};
use crate::plan::journeys::{KINDS, Service};
use http::Method;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Most of them under way at once; those beyond are not sent.
const MOST: usize = 64;
/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends until dropped. What comes back is shown to `users` where it counts.
pub(super) async fn send(stack: &Stack, act: &Act, users: &Arc<Users>) {
    let Act::Requests { service, method, path, body, rate, expect } = act else { return };
    let Some(call) = call(service, method, path, body.as_deref()) else { return };
    let rate = rate.as_f64().unwrap_or(1.0).clamp(0.01, 1_000.0);
    let sender = Arc::new(Sender::new(stack.targets.clone(), TIMEOUT, Ids::new(0, RunId::fresh())));
    let mut under_way = JoinSet::new();
    let mut clock = interval(Duration::from_secs_f64(1.0 / rate));
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for session in 0.. {
        clock.tick().await;
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= MOST {
            continue;
        }
        let (sender, mut call) = (Arc::clone(&sender), call.clone());
        let users = expect.map(|status| (Arc::clone(users), status));
        call.session = session;
        under_way.spawn(async move {
            let correlation = sender.ids().correlation(session);
            let answer = sender.send(&call, &correlation).await;
            if let Some((users, status)) = users {
                users.look_as(call.method.as_str(), call.route, &answer, status);
            }
        });
    }
}

/// The request; none where there is no such service or method.
pub(super) fn call(service: &str, method: &str, path: &str, body: Option<&str>) -> Option<Call> {
    let all = [Service::User, Service::Product, Service::Order];
    let service = all.into_iter().find(|known| known.name() == service)?;
    let parsed: Method = method.parse().ok()?;
    let bare = path.split('?').next().unwrap_or_default();
    let route = KINDS
        .iter()
        .filter(|kind| kind.service == service && kind.method == method)
        .map(|kind| kind.route)
        .chain(OTHER_ROUTES)
        .find(|route| matches(route, bare))?;
    let mut call = Call::new(service, parsed, route, path, 0);
    call.journey = "other";
    Some(match body {
        Some(body) => call.json(body.to_owned()),
        None => call,
    })
}

/// Routes that no journey asks for.
const OTHER_ROUTES: [&str; 3] = ["/users/{id}/notifications", "/products/batch", "/users"];

/// Whether a path is one of a route.
fn matches(route: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (route.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given))
                if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_route() {
        let found = |method, path| call("user-service", method, path, None).map(|call| call.route);
        assert_eq!(found("GET", "/users/7"), Some("/users/{id}"));
        assert_eq!(found("GET", "/users/7/notifications?limit=5"), Some("/users/{id}/notifications"));
        assert_eq!(found("GET", "/nowhere"), None);
        assert!(call("nobody", "GET", "/users/7", None).is_none());
    }
}
