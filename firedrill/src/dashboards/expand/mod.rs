//! What Grafana does with the text of a query before it sends it: variables by the browser, then macros of time by the
//! data source's plugin. Pure: values of variables that have to be asked for are the caller's.

pub mod interval;
pub mod timing;
pub mod value;
pub mod variable;
