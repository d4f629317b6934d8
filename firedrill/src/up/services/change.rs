//! What an operator does with the services: restart, signal, scale, deploy and its removal. Each is done whole or not at all.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::MutexGuard;

use super::{Instance, Refused, SERVICES, Services, admin};
use crate::{
    child::role::Role,
    supervisor::{Event, Signal},
};

/// The most instances of one service that can be asked for, beside one that is deployed.
const MOST: u32 = 8;
/// The longest `service.version`.
const LONGEST_VERSION: usize = 64;

/// A version to be deployed beside what runs.
#[derive(Clone, Debug)]
pub(in crate::up) struct Deploy {
    /// Its `service.version`.
    pub(in crate::up) version: String,
    /// Settings that are other than by default.
    pub(in crate::up) settings: BTreeMap<String, Value>,
    /// Its part of the requests.
    pub(in crate::up) share: f64,
}

impl Services {
    /// Lets the instances of a service drain, end and begin again, one after the other; or the one that is named. Where there
    /// are several, the one that restarts gets no requests meanwhile.
    pub(in crate::up) async fn restart(&self, service: &str, instance: Option<&str>) -> Result<(), Refused> {
        let _turn = self.turn().await?;
        for name in self.named(service, instance)? {
            let Some(control) = self.find(&name, Instance::control) else { continue };
            self.announce_and_wait(Some(&name)).await;
            let restarted = control.restart().await;
            self.announce(None).await;
            restarted.map_err(Refused::Failed)?;
        }
        Ok(())
    }

    /// Sends a signal to an instance, the first one when none is named; gives its name. Nothing is waited for: a stop has to
    /// be possible at any time, and its end even more so.
    pub(in crate::up) async fn signal(
        &self,
        service: &str,
        instance: Option<&str>,
        signal: Signal,
    ) -> Result<String, Refused> {
        let name = self.named(service, instance)?.into_iter().next();
        let name = name.ok_or_else(|| Refused::Conflict(format!("no instance of {service} runs")))?;
        if let Some(control) = self.find(&name, Instance::control) {
            control.signal(signal).await.map_err(Refused::Conflict)?;
        }
        Ok(name)
    }

    /// Brings the instances of a service to this number, beside one that is deployed. Those that come have the settings of the
    /// first; those that go, the youngest, drain without new requests.
    pub(in crate::up) async fn scale(&self, service: &str, instances: u32) -> Result<(), Refused> {
        let role = role(service)?;
        if !(1..=MOST).contains(&instances) {
            return Err(Refused::Wrong(format!("{instances} instances: a service has from 1 to {MOST}")));
        }
        let _turn = self.turn().await?;
        let equal = |instance: &&Instance| instance.role == role && instance.deployed.is_none();
        let now: Vec<String> = self.instances().iter().filter(equal).map(|i| i.name().to_owned()).collect();
        let wanted = instances as usize;
        if wanted < now.len() {
            self.remove(&now[wanted..]).await;
        }
        let mut come = Vec::new();
        while now.len() + come.len() < wanted {
            match self.another(role, None, &come).await {
                Ok(instance) => come.push(instance),
                Err(refused) => {
                    for instance in come {
                        self.end(instance).await;
                    }
                    return Err(refused);
                }
            }
        }
        if wanted != now.len() {
            self.add(
                come,
                format!("{service} has {wanted} {}", if wanted == 1 { "instance" } else { "instances" }),
            )
            .await;
        }
        Ok(())
    }

    /// Starts one more instance with this version and these settings, which then gets its share of the requests.
    pub(in crate::up) async fn deploy(&self, service: &str, deploy: &Deploy) -> Result<(), Refused> {
        let role = role(service)?;
        let Deploy { version, settings, share } = deploy;
        check_version(version)?;
        if !(*share > 0.0 && *share <= 1.0) {
            return Err(Refused::Wrong(format!("share {share}: give a number above 0 and at most 1")));
        }
        let _turn = self.turn().await?;
        if let Some(on) = self.deployed(role) {
            let how = format!("`firedrill ops rollback {service}` removes it");
            return Err(Refused::Conflict(format!("{on} is deployed already; {how}")));
        }
        let mut instance = self.another(role, Some((version.as_str(), settings)), &[]).await?;
        instance.deployed = Some(*share);
        let part = (share * 100.0).round();
        let line =
            format!("{}, version {version}, gets {part}% of the requests to {service}", instance.name());
        self.add(vec![instance], line).await;
        Ok(())
    }

    /// Removes what was deployed, once its requests are done.
    pub(in crate::up) async fn withdraw(&self, service: &str) -> Result<(), Refused> {
        let role = role(service)?;
        let _turn = self.turn().await?;
        let Some(name) = self.deployed(role) else {
            return Err(Refused::Unknown(format!("nothing is deployed beside {service}")));
        };
        self.remove(&[name]).await;
        Ok(())
    }

    fn deployed(&self, role: Role) -> Option<String> {
        let instances = self.instances();
        let on = instances.iter().find(|instance| instance.role == role && instance.deployed.is_some());
        on.map(|instance| instance.name().to_owned())
    }

    /// The turn to carry out an operation.
    async fn turn(&self) -> Result<MutexGuard<'_, ()>, Refused> {
        let turn = self.0.turn.lock().await;
        match self.0.closing.is_cancelled() {
            false => Ok(turn),
            true => Err(Refused::Conflict("the stack is being stopped".to_owned())),
        }
    }

    /// The names of a service's instances, or the one that is named.
    fn named(&self, service: &str, instance: Option<&str>) -> Result<Vec<String>, Refused> {
        let role = role(service)?;
        let instances = self.instances();
        let names = instances.iter().filter(|instance| instance.role == role).map(|i| i.name().to_owned());
        let mut names: Vec<String> = names.collect();
        let Some(wanted) = instance else { return Ok(names) };
        if !names.iter().any(|name| name == wanted) {
            let there = names.join(", ");
            return Err(Refused::Unknown(format!("{service} has no instance {wanted:?}, only {there}")));
        }
        names.retain(|name| name == wanted);
        Ok(names)
    }

    fn find<T>(&self, name: &str, look: impl FnOnce(&Instance) -> T) -> Option<T> {
        self.instances().iter().find(|instance| instance.name() == name).map(look)
    }

    /// Starts one more instance that gets no requests yet; `beside` are others that came with it. Without a version of its own
    /// it has that of the first, and its settings.
    async fn another(
        &self,
        role: Role,
        other: Option<(&str, &BTreeMap<String, Value>)>,
        beside: &[Instance],
    ) -> Result<Instance, Refused> {
        let service = role.name();
        let taken: Vec<String> =
            self.instances().iter().chain(beside).map(|instance| instance.name().to_owned()).collect();
        let name =
            (2..).map(|n| format!("{service}-{n}")).find(|name| !taken.contains(name)).unwrap_or_default();
        let lists = self.0.routing.endpoints(role, &self.instances(), None);
        let version = other.map(|(version, _)| version);
        let instance = self.0.launcher.further(role, name, version, lists).await.map_err(Refused::Failed)?;
        let token = &self.0.token;
        let settings = match other {
            Some((_, settings)) => Ok(settings.clone()),
            None => {
                let first =
                    self.instances().iter().find(|i| i.role == role).and_then(|i| admin::of(i, token));
                admin::changed(first).await
            }
        };
        let set = match settings {
            Ok(settings) => admin::set(admin::of(&instance, token), &settings).await,
            Err(refused) => Err(refused),
        };
        let reached = match set {
            Ok(()) => self.0.routing.network().reach(&instance).await,
            Err(refused) => Err(refused),
        };
        if let Err(refused) = reached {
            self.end(instance).await;
            return Err(refused);
        }
        Ok(instance)
    }

    /// Lets instances that have been started take part.
    async fn add(&self, instances: Vec<Instance>, line: String) {
        self.instances().extend(instances);
        self.scrape_anew();
        self.announce(None).await;
        self.say(line);
    }

    /// Takes instances out of the list, tells those who send, and lets them drain.
    async fn remove(&self, names: &[String]) {
        let gone: Vec<Instance> = {
            let mut instances = self.instances();
            let (gone, stay) = std::mem::take(&mut *instances)
                .into_iter()
                .partition(|i| names.iter().any(|name| name == i.name()));
            *instances = stay;
            gone
        };
        self.announce_and_wait(None).await;
        self.scrape_anew();
        for instance in gone {
            let name = instance.name().to_owned();
            self.end(instance).await;
            self.say(format!("{name} is gone"));
        }
    }

    /// Lets an instance drain; nothing that was its own is left for another of its name.
    async fn end(&self, instance: Instance) {
        let name = instance.name().to_owned();
        instance.supervised.stop().await;
        self.0.routing.network().leave(&name);
        self.0.launcher.forget(&name);
    }

    fn scrape_anew(&self) {
        self.list_targets();
        if let Err(error) = self.0.scrape.write() {
            let path = self.0.scrape.path().display();
            self.say(format!("cannot write {path}: {error}; what came or went is not known to the scrape"));
        }
    }

    fn say(&self, line: String) {
        // Nobody listens any more when everything stops.
        drop(self.0.events.send(Event::Changed { line }));
    }
}

/// The service of that name.
pub(super) fn role(service: &str) -> Result<Role, Refused> {
    let names = SERVICES.map(Role::name);
    SERVICES.into_iter().find(|role| role.name() == service).ok_or_else(|| {
        let nearest = loadgen::nearest::nearest(service, names);
        let hint = nearest
            .map_or_else(|| format!("there are {}", names.join(", ")), |n| format!("did you mean {n}?"));
        Refused::Unknown(format!("no service {service:?} runs here; {hint}"))
    })
}

/// A version goes into an environment variable that is a list, and into labels.
fn check_version(version: &str) -> Result<(), Refused> {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
    if version.is_empty() || version.len() > LONGEST_VERSION || !version.chars().all(fits) {
        let what = format!(
            "version {version:?}: give 1 to {LONGEST_VERSION} letters, digits or .-_+, such as 1.4.0"
        );
        return Err(Refused::Wrong(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_would_break_a_list_is_refused() {
        for good in ["1.4.0", "2026-01-01_rc.1+build"] {
            assert_eq!(check_version(good), Ok(()));
        }
        for bad in ["", "1,service.name=x", "1 2", &"1".repeat(65)] {
            assert!(check_version(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_unknown_service_gets_the_nearest_name() {
        let refused = role("orders-service").expect_err("no such service").to_string();
        assert!(refused.contains("did you mean order-service?"), "{refused}");
    }
}
