//! `firedrill ops restart`.

use reqwest::Method;
use serde_json::json;

use super::table;
use crate::{
    cli::OpsRestart,
    failure::{Code, Outcome},
    run_file::RunFile,
    stack_control::StackControl,
};

/// Restarts, and prints the instances when all of them are ready again.
pub(super) async fn run(run: &RunFile, options: &OpsRestart, json: bool) -> Outcome {
    let path = format!("/services/{}/restart", options.service);
    let answer =
        StackControl::of(run)?.ask(Method::POST, &path, Some(&json!({"instance": options.instance}))).await?;
    table::print(&answer, &options.service, json);
    Ok(Code::Good)
}
