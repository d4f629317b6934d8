//! The query APIs, one folder each, in the shapes of the programs they stand in for. Handlers parse, ask the store or
//! a query language, and print; they decide nothing about data.

pub(crate) mod alertmanager;
pub(crate) mod gate;
pub(crate) mod jaeger;
pub(crate) mod loki;
pub(crate) mod params;
pub(crate) mod prometheus;
