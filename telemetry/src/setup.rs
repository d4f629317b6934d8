//! One call sets everything up: exporters, providers, layers, the metric registry. What runs afterwards is owned by the
//! guard, [`Telemetry`].
//!
//! Spans and log events are filtered apart: `RUST_LOG=warn` must not cost the trace context that travels with requests.

use std::io::Write;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder as LogBatch, BatchLogProcessor, LogProcessor, LoggerProviderBuilder, SdkLoggerProvider,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder as SpanBatch, BatchSpanProcessor, IdGenerator, SdkTracerProvider, SpanProcessor,
    TracerProviderBuilder,
};
use tracing::{Dispatch, Level, Metadata, Subscriber};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry, filter, layer};

use crate::config::{Config, LogExport, Queue};
use crate::controls::Controls;
use crate::export::{self, ExportError, ExportRuntime};
use crate::guard::{Parts, Telemetry};
use crate::late::LateTracer;
use crate::live_filter::LiveFilter;
use crate::live_sampler::LiveSampler;
use crate::loki::{self, LokiError};
use crate::metrics::Metrics;
use crate::names::{attribute, signal};
use crate::panic_hook;
use crate::pipeline::{Budget, logs, spans};
use crate::stdout::{JsonLayer, Sink};

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// `RUST_LOG` does not parse.
    #[error("RUST_LOG={filter}: {source}; use directives such as info,my_crate=debug")]
    Filter {
        /// Its value.
        filter: String,
        /// The parser's complaint.
        source: filter::ParseError,
    },
    /// An exporter could not be built.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The way to Loki could not be set up.
    #[error(transparent)]
    Loki(#[from] LokiError),
    /// A thread could not be started.
    #[error("cannot start telemetry's threads: {0}")]
    Thread(#[from] std::io::Error),
    /// There is a subscriber already.
    #[error("telemetry is set up once per process, and a tracing subscriber is installed already")]
    AlreadyInstalled,
}

/// Sets telemetry up for this process. Call it once, inside a Tokio runtime, and keep the guard until the end.
///
/// # Errors
/// When the filter or an exporter's settings are refused, or a subscriber is installed already. A collector that is not
/// there is no error.
pub fn init(config: Config) -> Result<Telemetry, InitError> {
    Builder::new(config).install()
}

/// Set-up with further processors or another output than the standard ones.
#[derive(Debug)]
pub struct Builder {
    config: Config,
    controls: Controls,
    tracer: TracerProviderBuilder,
    spans: spans::Correlate,
    logger: LoggerProviderBuilder,
    has_log_processor: bool,
    output: Output,
}

struct Output(Box<dyn Write + Send>);

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}

impl Builder {
    /// What [`init`] would set up.
    #[must_use]
    pub fn new(config: Config) -> Builder {
        let resource = resource(&config);
        let controls = Controls::new(config.sampler, config.span_queue.capacity);
        Builder {
            tracer: SdkTracerProvider::builder()
                .with_resource(resource.clone())
                .with_sampler(LiveSampler(controls.clone())),
            spans: spans::Correlate { controls: controls.clone(), ..spans::Correlate::default() },
            logger: SdkLoggerProvider::builder()
                .with_resource(resource)
                .with_log_processor(logs::Correlate(controls.clone())),
            controls,
            has_log_processor: false,
            output: Output(Box::new(std::io::stdout())),
            config,
        }
    }

    /// Adds a processor of spans. It sees `correlation.id` set.
    #[must_use]
    pub fn span_processor(mut self, processor: impl SpanProcessor + 'static) -> Builder {
        self.spans.next.push(Box::new(processor));
        self
    }

    /// Adds a processor of log records. It sees `correlation_id` set.
    #[must_use]
    pub fn log_processor(mut self, processor: impl LogProcessor + 'static) -> Builder {
        self.logger = self.logger.with_log_processor(processor);
        self.has_log_processor = true;
        self
    }

    /// Takes trace and span ids from `generator` instead of drawing them at random.
    #[must_use]
    pub fn id_generator(mut self, generator: impl IdGenerator + 'static) -> Builder {
        self.tracer = self.tracer.with_id_generator(generator);
        self
    }

    /// Writes JSON lines to `output` instead of standard output. A thread of its own writes; it may block.
    #[must_use]
    pub fn output(mut self, output: impl Write + Send + 'static) -> Builder {
        self.output = Output(Box::new(output));
        self
    }

    /// Builds and makes the result the process' subscriber.
    ///
    /// # Errors
    /// As [`init`].
    pub fn install(self) -> Result<Telemetry, InitError> {
        let ignored = self.config.ignored.clone();
        let (dispatch, telemetry) = self.build()?;
        tracing::dispatcher::set_global_default(dispatch).map_err(|_| InitError::AlreadyInstalled)?;
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        telemetry.publish_tracer();
        panic_hook::install();
        for choice in &ignored {
            tracing::warn!(variable = choice.variable, value = choice.value, "{}", choice.problem);
        }
        Ok(telemetry)
    }

    /// Builds without touching anything process-wide: the subscriber is the caller's to set.
    ///
    /// # Errors
    /// As [`init`].
    pub fn build(mut self) -> Result<(Dispatch, Telemetry), InitError> {
        let config = self.config;
        let controls = self.controls;
        let metrics = Metrics::with(&config.service_name, &config.service_version, controls.clone());
        let runtime = ExportRuntime::start()?;
        let budget =
            |queue: Queue, signal| Arc::new(Budget::new(queue.capacity, metrics.families().counts(signal)));
        let span_budget = budget(config.span_queue, signal::TRACES);
        let log_budget = budget(config.log_queue, signal::LOGS);
        controls.add_queue(Arc::clone(&span_budget));
        controls.add_queue(Arc::clone(&log_budget));
        self.spans.roots = metrics.families().roots();

        if let Some(otlp) = config.traces.as_ref().filter(|_| !config.disabled) {
            let exporter = export::span_exporter(otlp, &runtime, Arc::clone(&span_budget))?;
            let inner = BatchSpanProcessor::new(exporter, span_batch(config.span_queue));
            let budget = Arc::clone(&span_budget);
            self.spans.next.push(Box::new(spans::Bounded { inner, budget }));
        }
        if let LogExport::Otlp(otlp) = &config.logs
            && !config.disabled
        {
            let exporter = export::log_exporter(otlp, &runtime, Arc::clone(&log_budget))?;
            let batch = log_batch(config.log_queue);
            let inner = BatchLogProcessor::builder(exporter).with_batch_config(batch).build();
            let budget = Arc::clone(&log_budget);
            self.logger = self.logger.with_log_processor(logs::Bounded { inner, budget });
            self.has_log_processor = true;
        }
        let (gate, shipper) = match &config.logs {
            LogExport::Loki { url, timeout } if !config.disabled => {
                let (gate, shipper) = loki::start(&config, url, *timeout, &runtime, Arc::clone(&log_budget))?;
                (Some(gate), Some(shipper))
            }
            _ => (None, None),
        };
        let tracer = self.tracer.with_span_processor(self.spans).build();
        let logger = self.logger.build();
        let bridged = self.has_log_processor && !config.disabled;

        let sink =
            config.stdout.then(|| Sink::start(self.output.0, metrics.dropped(signal::STDOUT))).transpose()?;
        let json = sink.clone().map(|sink| JsonLayer {
            service: config.service_name.clone(),
            controls: controls.clone(),
            sink,
        });
        let subscriber = Registry::default()
            .with(span_layer(&tracer, config.disabled).with_filter(filter::filter_fn(is_ours)))
            .with(
                json.map(|layer| event_filter(&config, &controls).map(|filter| layer.with_filter(filter)))
                    .transpose()?,
            )
            .with(
                bridged
                    .then(|| {
                        event_filter(&config, &controls)
                            .map(|f| OpenTelemetryTracingBridge::new(&logger).with_filter(f))
                    })
                    .transpose()?,
            )
            .with(
                gate.map(|layer| loki_filter(&config, &controls).map(|filter| layer.with_filter(filter)))
                    .transpose()?,
            );
        let parts = Parts {
            tracer,
            logger,
            span_budget,
            log_budget,
            loki: shipper,
            sink,
            runtime,
            limit: config.drain,
        };
        Ok((Dispatch::new(subscriber), Telemetry::new(metrics, parts)))
    }
}

/// Spans of level INFO and above; nothing of the libraries below HTTP has any, and their debug spans would be noise.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= Level::INFO
}

/// As for events, but spans pass, because tracing-loki needs to have seen each span whose event it writes.
fn loki_filter<S>(
    config: &Config,
    controls: &Controls,
) -> Result<impl filter::FilterExt<S> + use<S>, InitError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    use tracing_subscriber::filter::FilterExt;
    Ok(event_filter(config, controls)?.or(filter::filter_fn(is_ours)))
}

/// What was asked for, without the libraries the SDK's exporting threads speak gRPC with: nothing else here uses them, and
/// their events would tell of the telemetry's own export.
///
/// An `EnvFilter` asks at every step into and out of a span whether a directive is about that span. Directives that name
/// spans are written in brackets; without one, a filter of targets and levels says the same and asks nothing.
fn event_filter<S>(config: &Config, controls: &Controls) -> Result<LiveFilter<S>, InitError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let directives: Vec<&str> = config.filter.split(',').filter(|d| !d.is_empty()).collect();
    let text = [directives.as_slice(), &["h2=off", "tonic=off", "tower=off"]].concat().join(",");
    let wrong = |source| InitError::Filter { filter: config.filter.clone(), source };
    let filter = EnvFilter::builder().parse(&text).map_err(wrong)?;
    let configured: Box<dyn layer::Filter<S> + Send + Sync> = match text.parse::<filter::Targets>() {
        Ok(targets) if !text.contains('[') => Box::new(targets),
        _ => Box::new(filter),
    };
    LiveFilter::new(configured, NEVER, controls.clone()).map_err(wrong)
}

/// What no level lets through: the chatter of connections, and the libraries of the export.
const NEVER: &str = "hyper_util=off,reqwest::connect=off,h2=off,tonic=off,tower=off";

/// The lean layer: without source location, thread, target, level and idle times, which nobody asks a span for and which
/// cost half as much again. It also activates the span's context, from which logs, metrics and calls take their ids. The
/// tracer of late spans lies under the same filter: another one would make each call site ask both anew every time.
fn span_layer<S>(tracer: &SdkTracerProvider, disabled: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    macro_rules! lean {
        ($layer:expr) => {
            $layer
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_level(false)
                .with_tracked_inactivity(false)
        };
    }
    let layer = tracing_opentelemetry::layer();
    if disabled {
        // The no-op tracer hands the caller's span context and baggage through.
        Box::new(lean!(layer))
    } else {
        let tracer = tracer.tracer("firedrill");
        Box::new(lean!(layer.with_tracer(tracer.clone())).and_then(LateTracer(tracer)))
    }
}

fn resource(config: &Config) -> Resource {
    let named = [
        (attribute::SERVICE_NAME, &config.service_name),
        (attribute::SERVICE_VERSION, &config.service_version),
        (attribute::SERVICE_INSTANCE_ID, &config.instance_id),
    ];
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(config.resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())))
        .with_attributes(named.map(|(key, value)| KeyValue::new(key, value.clone())))
        .build()
}

fn span_batch(queue: Queue) -> opentelemetry_sdk::trace::BatchConfig {
    SpanBatch::default()
        .with_max_queue_size(queue.capacity)
        .with_max_export_batch_size(queue.batch)
        .with_scheduled_delay(queue.delay)
        .build()
}

fn log_batch(queue: Queue) -> opentelemetry_sdk::logs::BatchConfig {
    LogBatch::default()
        .with_max_queue_size(queue.capacity)
        .with_max_export_batch_size(queue.batch)
        .with_scheduled_delay(queue.delay)
        .build()
}
