//! Log records: the correlation id onto each, and a place for each before it is queued.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{AnyValue, LogRecord as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};

use super::Budget;
use crate::controls::Controls;
use crate::correlation::CorrelationId;
use crate::names::CORRELATION_ID_LOG;

/// Adds `correlation_id` from the active context's baggage to every record, and the time that the process' clock shows.
#[derive(Debug)]
pub(crate) struct Correlate(pub(crate) Controls);

impl LogProcessor for Correlate {
    fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
        if let Some(id) = CorrelationId::current() {
            record.add_attribute(CORRELATION_ID_LOG, AnyValue::String(id.value()));
        }
        if self.0.is_off() {
            if let Some(time) = record.timestamp() {
                record.set_timestamp(self.0.shown(time));
            }
            if let Some(time) = record.observed_timestamp() {
                record.set_observed_timestamp(self.0.shown(time));
            }
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Lets a record through to `inner` only when there is a place for it.
#[derive(Debug)]
pub(crate) struct Bounded<P> {
    pub(crate) inner: P,
    pub(crate) budget: Arc<Budget>,
}

impl<P: LogProcessor> LogProcessor for Bounded<P> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.budget.admit() {
            self.inner.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.budget.close();
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
