//! Grafana dashboards without Grafana: their queries run against the stack that is up (`check`), and the rules of
//! Grafana's dashboard linter and mixins hold for them (`lint`).
//!
//! `model` reads the JSON, `expand` does with its texts what Grafana does before it sends them, `plan` says what one
//! target asks of which API; all of that is pure. `folder` reads files and `check::run` asks the APIs; nothing else here
//! touches the world. What a panel looks like is not judged: only Grafana draws it.

pub mod catalogue;
pub mod check;
pub mod exceptions;
pub mod expand;
pub mod folder;
pub mod link;
pub mod lint;
pub mod logql;
pub mod model;
pub mod plan;
pub mod walk;
