//! `firedrill probe`: whether one address answers well, so that an image needs neither a shell nor curl for its health check.

use std::time::Duration;

use crate::{
    cli::Probe,
    failure::{Code, Failure, Outcome},
};

/// The longest wait for the answer. A container engine has a limit of its own, which may be longer.
const ANSWER: Duration = Duration::from_secs(3);

/// Asks once. Good is an answer 2xx; everything else is exit code 1, the one that container engines take for unhealthy.
pub(super) async fn run(options: &Probe) -> Outcome {
    ask(&options.url).await.map(|()| Code::Good)
}

/// Asks an address once.
pub(super) async fn ask(url: &str) -> Result<(), Failure> {
    let failed = |e: reqwest::Error| {
        let why =
            if e.is_timeout() { format!("no answer within {} s", ANSWER.as_secs()) } else { causes(&e) };
        Failure::not_good(format!("{url}: {why}"))
    };
    // No proxy: engines pass the host's proxy settings on to containers, and the question is for this container.
    let client = reqwest::Client::builder()
        .timeout(ANSWER)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(failed)?;
    let answer = client.get(url).send().await.map_err(failed)?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(Failure::not_good(format!("{url} answers {status}"))),
    }
}

/// The whole chain: the first error only repeats the address.
fn causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |cause| cause.source())
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}
