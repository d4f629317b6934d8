//! The same data into the real programs and into ours, the same questions to both: the answers must be equal.

mod alertmanager;
mod answers;
mod api;
mod connectors;
mod grammar;
mod jaeger;
mod logql;
mod loki;
mod otlp_metrics;
mod programs;
mod prometheus;
mod promql;
mod queries;
mod regexes;
mod rules;
mod samples;
mod scraped;
mod traces;
