//! The control listener of a running stack: what an operator does with the services, over HTTP on loopback, for whoever holds
//! the token of `run.json`.
//!
//! Operations are carried out to their end, whether or not who asked for them still waits. What was asked for on lease is undone
//! when the lease ends.

mod answer;
mod leases;
mod routes;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chassis::{limits::HttpLimits, serve};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle, time::Instant};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::services::{Refused, Services};
use crate::{failure::Failure, supervisor::Signal};
use leases::{Leases, Undo};

/// The listener while it is served.
#[derive(Debug)]
pub(super) struct Control {
    /// Where it listens.
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<usize>,
    _leases: AbortOnDropHandle<()>,
}

impl Control {
    /// Binds a free port of loopback and serves it.
    pub(super) async fn start(services: Services, token: &str) -> Result<Self, Failure> {
        let unbound = |e| Failure::environment(format!("cannot listen for the control of the stack: {e}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        let desk = Desk::new(services);
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let (router, ending) = (routes::routes(desk.clone(), token), stop.clone());
        let server = tokio::spawn(async move {
            let limits = HttpLimits {
                max_connections: 32,
                header_timeout: Duration::from_secs(10),
                drain_timeout: Duration::from_secs(1),
                ..HttpLimits::default()
            };
            serve::serve(listener, router, &limits, stopped, ending.cancelled()).await
        });
        let leases = AbortOnDropHandle::new(tokio::spawn(async move { desk.end_leases().await }));
        Ok(Self { address, stop, server, _leases: leases })
    }

    /// Takes no request any more, and ends no lease: everything that could be undone is about to be stopped.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        // A panic in the task has closed the listener, too.
        let _ = self.server.await;
    }
}

/// What requests are answered from.
#[derive(Clone, Debug)]
struct Desk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    services: Services,
    leases: Mutex<Leases>,
    /// A lease came or was changed.
    leased: Notify,
}

impl Desk {
    fn new(services: Services) -> Self {
        Self(Arc::new(Shared { services, leases: Mutex::default(), leased: Notify::new() }))
    }

    fn services(&self) -> &Services {
        &self.0.services
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        // The leases are whole after every statement.
        self.0.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `undo` done when the time is over; the number of the lease.
    fn lease(&self, undo: Undo, lasts: Duration) -> u64 {
        let id = self.leases().grant(undo, Instant::now() + lasts);
        self.0.leased.notify_one();
        id
    }

    /// Lets a lease last from now on for this time.
    fn prolong(&self, id: u64, lasts: Duration) -> Result<(), Refused> {
        let found = self.leases().prolong(id, Instant::now() + lasts);
        self.0.leased.notify_one();
        found.then_some(()).ok_or_else(|| no_such_lease(&id.to_string()))
    }

    /// Ends a lease now.
    async fn end(&self, id: u64) -> Result<(), Refused> {
        let ended = leases::end(&mut self.leases(), id);
        match ended.ok_or_else(|| no_such_lease(&id.to_string()))? {
            Some(undo) => self.undo(undo).await,
            None => Ok(()),
        }
    }

    async fn undo(&self, undo: Undo) -> Result<(), Refused> {
        match undo {
            Undo::Stop { service, instance } => {
                self.services().signal(&service, Some(&instance), Signal::Continue).await.map(drop)
            }
            Undo::Deploy { service } => self.services().withdraw(&service).await,
        }
    }

    /// Ends leases when their time is over.
    async fn end_leases(&self) {
        loop {
            let next = self.leases().next();
            let over = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.0.leased.notified() => {}
                () = over => {
                    let ended = leases::end_over(&mut self.leases(), Instant::now());
                    for undo in ended {
                        let desk = self.clone();
                        // One that takes its time keeps no other waiting. What it was about may be gone.
                        tokio::spawn(async move { drop(desk.undo(undo).await) });
                    }
                }
            }
        }
    }
}

fn no_such_lease(id: &str) -> Refused {
    Refused::Unknown(format!("there is no lease {id}; it may have ended"))
}
