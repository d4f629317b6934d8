//! The processes of a stack: started in the order of their dependencies, stopped in the opposite order.

use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    control::Control,
    environment,
    links::Links,
    native::{self, Native},
    scrape::Scrape,
    services::Services,
    set_aside::SetAside,
    settings::{Backends, Settings},
    terminal,
};
use crate::{
    child::role::Role,
    failure::Failure,
    native::files,
    supervisor::{Event, Spec, Supervised},
};

/// The running processes of one stack, and where they listen.
#[derive(Debug)]
pub struct Fleet {
    backends: Vec<Supervised>,
    /// None as long as there are no backends.
    services: Option<Services>,
    links: Option<Links>,
    /// What asks the services, in the order of its start.
    askers: Vec<Supervised>,
    control: Option<Control>,
    addresses: BTreeMap<String, SocketAddr>,
    /// Base addresses of backends that this fleet has not started.
    external: BTreeMap<String, String>,
    /// Cancelled when a stop is to wait for nothing any more.
    at_once: CancellationToken,
    /// The damaged store files that parts set aside, from before the first of them was started.
    pub(super) set_aside: SetAside,
}

/// Those that come after the first of the services that they ask.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Backend,
    Asker,
}

impl Fleet {
    /// Starts everything; when one part cannot start, stops what has started and says why.
    ///
    /// Once `at_once` is cancelled, a start that is under way is given up, and whatever is left is killed instead of
    /// waited for.
    pub async fn start(
        settings: &Settings,
        events: &mpsc::UnboundedSender<Event>,
        at_once: CancellationToken,
    ) -> Result<Self, Failure> {
        let mut fleet = Self {
            backends: Vec::new(),
            services: None,
            links: None,
            askers: Vec::new(),
            control: None,
            addresses: BTreeMap::new(),
            external: BTreeMap::new(),
            at_once,
            set_aside: SetAside::since_now(settings.home.data()),
        };
        match fleet.start_all(settings, events).await {
            Ok(()) => Ok(fleet),
            Err(failure) => {
                fleet.stop().await;
                Err(failure)
            }
        }
    }

    async fn start_all(
        &mut self,
        settings: &Settings,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<(), Failure> {
        let scrape = self.start_backends(settings, events).await?;
        let known = self.addresses.iter().map(|(name, address)| (name.clone(), format!("http://{address}")));
        let known = known.chain(self.external.clone()).collect();
        let (events_too, at_once) = (events.clone(), self.at_once.clone());
        let services = Services::new(settings, known, Arc::clone(&scrape), events_too, at_once)?;
        self.services = Some(services.clone());
        let links = Links::start(services.relay(), &settings.admin_token).await?;
        self.addresses.insert("network".to_owned(), links.address);
        self.links = Some(links);
        let called = [Role::UserService, Role::ProductService];
        services.start(&called).await.map_err(Failure::environment)?;
        let (order, console) = tokio::join!(
            services.start(&[Role::OrderService]),
            self.start_role(Role::Console, Part::Asker, settings, events)
        );
        order.map_err(Failure::environment)?;
        console?;
        if settings.load.is_some() {
            let knows = services.endpoints();
            self.start_role(Role::Loadgen, Part::Asker, settings, events).await?;
            let loadgen = self.askers.last().zip(self.addresses.get(Role::Loadgen.name()));
            if let Some((process, address)) = loadgen {
                services.has_client(*address, process.control().clone(), &knows);
            }
        }
        write_targets(&scrape)?;
        let control = Control::start(services, &settings.admin_token).await?;
        self.addresses.insert("control".to_owned(), control.address);
        self.control = Some(control);
        Ok(())
    }

    /// Starts the backends; gives the list of scrape targets that they read, with their own in it.
    async fn start_backends(
        &mut self,
        settings: &Settings,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<Arc<Scrape>, Failure> {
        let mut scrape = Scrape::new(settings.home.scrape_file());
        // The list is read from the start on; the targets follow when their ports are known.
        match &settings.backends {
            Backends::Embedded => {
                write_targets(&scrape)?;
                native::lay_out(settings, files::is_read_by_the_backend)?;
                self.start_role(Role::Backend, Part::Backend, settings, events).await?;
                // The embedded backend is a process of the stack like the others, with figures of its own to look at; those
                // of its Alertmanager have the names that a real one gives them.
                for (job, listener) in [("backend", "prometheus"), ("alertmanager", "alertmanager")] {
                    scrape.set(job, self.addresses.get(listener).copied().into_iter().collect());
                }
            }
            Backends::Native { programs, tail_sampling } => {
                let native = Native::prepare(settings)?;
                let specs = native.specs(settings, programs, *tail_sampling)?;
                scrape = Scrape::new(native.targets().join("targets.json"));
                for (job, address) in native.own_jobs() {
                    scrape.set(job, vec![address]);
                }
                write_targets(&scrape)?;
                self.start_specs(specs, Part::Backend, events).await?;
            }
            Backends::External(urls) => self.external.clone_from(urls),
        }
        Ok(Arc::new(scrape))
    }

    async fn start_role(
        &mut self,
        role: Role,
        part: Part,
        settings: &Settings,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<(), Failure> {
        let program = this_program()?;
        let listeners = role.listeners().iter();
        let spec = Spec {
            name: role.name().to_owned(),
            command: vec![program.into_os_string(), "run".into(), OsString::from(role.name())],
            listen: listeners.map(|l| ((*l).to_owned(), settings.ports.address(l))).collect(),
            trailing: Vec::new(),
            ready: role.ready(),
            env: environment::of(
                role,
                settings,
                |l| self.url_for_clients(l),
                |name| std::env::var(name).ok(),
            ),
            log: settings.home.logs().join(format!("{}.log", role.name())),
        };
        self.start_specs(vec![spec], part, events).await
    }

    async fn start_specs(
        &mut self,
        specs: Vec<Spec>,
        part: Part,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<(), Failure> {
        let starts =
            specs.into_iter().map(|spec| Supervised::start(spec, events.clone(), self.at_once.clone()));
        // All of them are waited for: a start that is still under way must not be forgotten when another fails.
        let mut failed = None;
        for started in futures_util::future::join_all(starts).await {
            match started {
                Ok(process) => {
                    self.addresses.extend(process.listening.clone());
                    match part {
                        Part::Backend => self.backends.push(process),
                        Part::Asker => self.askers.push(process),
                    }
                }
                Err(why) => failed = failed.or(Some(Failure::environment(why))),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The base address of a listener; of a service, that of its first instance.
    pub fn url(&self, listener: &str) -> Option<String> {
        let service = self.services.as_ref().and_then(|services| services.url(listener));
        let own = || self.addresses.get(listener).map(|address| format!("http://{address}"));
        service.or_else(own).or_else(|| self.external.get(listener).cloned())
    }

    /// The same for the load generator, which does not ask the services in the way that a person does.
    fn url_for_clients(&self, listener: &str) -> Option<String> {
        let lists = self.services.as_ref().map(Services::endpoints).unwrap_or_default();
        let first = lists.get(listener).and_then(|list| list.first()).map(|first| first.url.clone());
        first.or_else(|| self.url(listener))
    }

    /// Where the settings of the services are.
    pub fn admin_urls(&self) -> BTreeMap<String, String> {
        self.services.as_ref().map(Services::admin_urls).unwrap_or_default()
    }

    /// Where the backends' own figures are, at `/metrics` below each base address.
    pub(super) fn figures_at(&self) -> Vec<String> {
        ["prometheus", "collector_metrics"].into_iter().filter_map(|listener| self.url(listener)).collect()
    }

    /// The process ids by name, as they are now.
    pub fn pids(&self) -> BTreeMap<String, u32> {
        let pid = |process: &Supervised| (process.name.clone(), process.control().status().pid);
        let others = self.backends.iter().chain(&self.askers).map(pid);
        others.chain(self.services.iter().flat_map(Services::pids)).collect()
    }

    /// What ends every stop at once, also one that is under way: whatever is left is killed instead of waited for.
    pub fn at_once(&self) -> CancellationToken {
        self.at_once.clone()
    }

    /// Tells those who send requests to the services what they have not heard yet, for as long as it is polled.
    pub(super) fn keep_routes(&self) -> impl Future<Output = ()> + use<> {
        let services = self.services.clone();
        async move {
            match services {
                Some(services) => services.keep_routes().await,
                None => std::future::pending().await,
            }
        }
    }

    /// Stops everything that writes telemetry, so that the backends hold the last of it.
    pub async fn stop_all_but_backends(&mut self) {
        // Whoever asked this process to end may have asked its children, too (a service manager asks all of them at once).
        self.askers.iter().chain(&self.backends).for_each(Supervised::no_more_restarts);
        if let Some(services) = &self.services {
            services.no_more_restarts();
        }
        if let Some(control) = self.control.take() {
            control.stop().await;
        }
        while let Some(last) = self.askers.pop() {
            terminal::stop(last).await;
        }
        if let Some(services) = self.services.take() {
            services.stop().await;
        }
        if let Some(links) = self.links.take() {
            links.stop().await;
        }
    }

    /// Stops everything, the last started first.
    pub async fn stop(mut self) {
        self.stop_all_but_backends().await;
        while let Some(last) = self.backends.pop() {
            terminal::stop(last).await;
        }
    }
}

fn write_targets(scrape: &Scrape) -> Result<(), Failure> {
    scrape.write().map_err(|error| {
        let path = scrape.path().display();
        Failure::environment(format!("cannot write {path}: {error}; free some space or name another --home"))
    })
}

/// This program's file, to start its parts from.
pub(super) fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|e| Failure::environment(format!("cannot find this program to start its parts: {e}")))
}
