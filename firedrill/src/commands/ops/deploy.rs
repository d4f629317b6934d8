//! `firedrill ops deploy`.

use reqwest::Method;
use serde_json::json;

use super::{settings, table};
use crate::{
    cli::OpsDeploy,
    failure::{Code, Outcome},
    run_file::RunFile,
    stack_control::StackControl,
};

/// Deploys, and prints the instances.
pub(super) async fn run(run: &RunFile, options: &OpsDeploy, json: bool) -> Outcome {
    let body = json!({
        "version": options.version,
        "settings": settings::values(&options.settings),
        "share": options.share,
        "lease_s": options.lease,
    });
    let path = format!("/services/{}/deploy", options.service);
    let answer = StackControl::of(run)?.ask(Method::POST, &path, Some(&body)).await?;
    table::print(&answer, &options.service, json);
    Ok(Code::Good)
}
