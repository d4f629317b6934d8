//! `firedrill query`: one PromQL expression, now.

use super::output;
use crate::{
    cli::Query,
    failure::{Code, Outcome},
    home::Home,
    run_file::RunFile,
    stack, view,
};

/// Asks the Prometheus API and prints a table, or the API's own JSON.
pub(super) async fn run(home: &Home, options: &Query, json: bool) -> Outcome {
    let prometheus = stack::of(&RunFile::find(home)?)?.prometheus;
    if json {
        output::json(
            &prometheus.instant_json(&options.expression, None).await.map_err(|e| stack::failed(&e))?,
        );
    } else {
        let answer = prometheus.instant(&options.expression, None).await.map_err(|e| stack::failed(&e))?;
        output::print(&view::query::render(&answer, output::look()));
    }
    Ok(Code::Good)
}
