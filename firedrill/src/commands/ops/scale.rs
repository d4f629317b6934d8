//! `firedrill ops scale`.

use reqwest::Method;
use serde_json::json;

use super::table;
use crate::{
    cli::OpsScale,
    failure::{Code, Outcome},
    run_file::RunFile,
    stack_control::StackControl,
};

/// Scales, and prints the instances.
pub(super) async fn run(run: &RunFile, options: &OpsScale, json: bool) -> Outcome {
    let path = format!("/services/{}/scale", options.service);
    let answer = StackControl::of(run)?
        .ask(Method::POST, &path, Some(&json!({"instances": options.instances})))
        .await?;
    table::print(&answer, &options.service, json);
    Ok(Code::Good)
}
