//! The real stack as a part of the fleet: its configurations laid out, its addresses chosen, its programs as the
//! supervisor starts them.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    net::SocketAddr,
    path::PathBuf,
};

use super::settings::Settings;
use crate::{
    failure::Failure,
    native::{
        self,
        files::{self, CHECKOUT},
        plan,
    },
    objectives::laid_out::Alerts,
    supervisor::Spec,
};

/// A real stack that is about to be started: its configurations are laid out, its addresses chosen.
#[derive(Debug)]
pub(super) struct Native {
    configurations: PathBuf,
    data: PathBuf,
    pub(super) addresses: BTreeMap<String, SocketAddr>,
}

impl Native {
    /// Chooses the addresses and lays out the configurations. Nothing is started.
    pub(super) fn prepare(settings: &Settings) -> Result<Self, Failure> {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let native = Self {
            configurations: absolute(settings.home.configuration()),
            data: absolute(settings.home.data().join("native")),
            addresses: native::addresses(settings.ports)?,
        };
        lay_out(settings, |_| true)?;
        native.write_own_targets()?;
        Ok(native)
    }

    /// Each program, as the supervisor starts it: with a keeper that ends it when this process is gone.
    pub(super) fn specs(
        &self,
        settings: &Settings,
        programs: &BTreeMap<&'static str, PathBuf>,
        tail_sampling: bool,
    ) -> Result<Vec<Spec>, Failure> {
        let layout = plan::Layout {
            configurations: &self.configurations,
            data: &self.data,
            addresses: &self.addresses,
            retention: settings.retention,
            tail_sampling,
        };
        let own = super::fleet::this_program()?;
        let spec = |start: plan::Start| {
            let program = programs.get(start.name).cloned().unwrap_or_else(|| start.name.into());
            let listen =
                start.listeners.iter().filter_map(|l| Some(((*l).to_owned(), *self.addresses.get(*l)?)));
            Spec {
                name: start.name.to_owned(),
                command: vec![own.clone().into_os_string(), "keep".into()],
                listen: listen.collect(),
                trailing: ["--".into(), program.into_os_string()]
                    .into_iter()
                    .chain(start.arguments)
                    .collect(),
                ready: start.ready,
                env: start.environment,
                log: settings.home.logs().join(format!("{}.log", start.name)),
            }
        };
        Ok(layout.starts().into_iter().map(spec).collect())
    }

    /// The folder in which Prometheus looks for its lists of targets.
    pub(super) fn targets(&self) -> PathBuf {
        self.configurations.join("stack/prometheus")
    }

    /// What Prometheus scrapes beside the services: the programs themselves.
    pub(super) fn own_jobs(&self) -> BTreeMap<&'static str, SocketAddr> {
        let jobs = [
            ("otelcol", "collector_metrics"),
            ("prometheus", "prometheus"),
            ("alertmanager", "alertmanager"),
            ("loki", "loki"),
            ("jaeger", "jaeger_metrics"),
        ];
        jobs.into_iter().filter_map(|(job, listener)| Some((job, *self.addresses.get(listener)?))).collect()
    }

    fn write_own_targets(&self) -> Result<(), Failure> {
        let lists = [
            ("connectors.json", "otelcol-connectors", "connectors_metrics"),
            ("alertmanagers.json", "alertmanager", "alertmanager"),
        ];
        for (file, job, listener) in lists {
            let targets = self.addresses.get(listener).map(|address| (job.to_owned(), vec![*address]));
            let targets = targets.into_iter().collect();
            super::scrape::write(&self.targets().join(file), &targets).map_err(|error| unwritable(&error))?;
        }
        Ok(())
    }
}

/// Lays out those of the configurations that the stack reads, and the rules of its alerts.
pub(super) fn lay_out(settings: &Settings, wanted: impl Fn(&str) -> bool) -> Result<(), Failure> {
    let alerts = Alerts::at(settings.speed)?;
    let to = settings.home.configuration();
    files::lay_out(&to, CHECKOUT.as_ref(), wanted)
        .and_then(|()| alerts.write(&to))
        .map_err(|error| unwritable(&error))
}

fn unwritable(error: &io::Error) -> Failure {
    // A file that may not grow meets the same wall as one on a full disk.
    let why = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => "the disk is full; ",
        _ => "",
    };
    Failure::environment(format!(
        "cannot lay out the configurations of the stack: {error}; {why}free some space or name another --home"
    ))
}
