//! The filter of events whose level can change while the process runs.
//!
//! All filters that there can be are made at the start, and one of them is asked: a filter that is put in place of another
//! would need a lock that each step into a span takes.

use tracing::{Metadata, Subscriber, level_filters::LevelFilter, span, subscriber::Interest};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::{Context, Filter};

use crate::controls::{Controls, LogLevel};

/// The one that was configured, and one for each level.
pub(crate) struct LiveFilter<S> {
    configured: Box<dyn Filter<S> + Send + Sync>,
    levels: [Targets; 4],
    controls: Controls,
}

impl<S> LiveFilter<S> {
    /// `but` are directives that hold whatever the level is.
    pub(crate) fn new(
        configured: Box<dyn Filter<S> + Send + Sync>,
        but: &str,
        controls: Controls,
    ) -> Result<Self, ParseError> {
        let level = |level: &str| format!("{level},{but}").parse::<Targets>();
        let levels = [level("error")?, level("warn")?, level("info")?, level("debug")?];
        Ok(Self { configured, levels, controls })
    }

    fn level(&self) -> Option<&Targets> {
        let at = match self.controls.log_level() {
            LogLevel::Configured => return None,
            LogLevel::Error => 0,
            LogLevel::Warn => 1,
            LogLevel::Info => 2,
            LogLevel::Debug => 3,
        };
        Some(&self.levels[at])
    }
}

impl<S: Subscriber> Filter<S> for LiveFilter<S> {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        match self.level() {
            None => self.configured.enabled(metadata, context),
            Some(targets) => Filter::<S>::enabled(targets, metadata, context),
        }
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.level() {
            None => self.configured.callsite_enabled(metadata),
            Some(targets) => Filter::<S>::callsite_enabled(targets, metadata),
        }
    }

    fn event_enabled(&self, event: &tracing::Event<'_>, context: &Context<'_, S>) -> bool {
        self.level().is_some() || self.configured.event_enabled(event, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        match self.level() {
            None => self.configured.max_level_hint(),
            Some(targets) => Filter::<S>::max_level_hint(targets),
        }
    }

    // The configured one may ask which span an event is in: it has to see them, whatever the level is.
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        self.configured.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        self.configured.on_record(id, values, context);
    }

    fn on_enter(&self, id: &span::Id, context: Context<'_, S>) {
        self.configured.on_enter(id, context);
    }

    fn on_exit(&self, id: &span::Id, context: Context<'_, S>) {
        self.configured.on_exit(id, context);
    }

    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        self.configured.on_close(id, context);
    }
}
