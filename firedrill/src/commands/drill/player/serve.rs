//! `firedrill drill serve`.

use super::{
    super::{output, signal},
    Listening,
};
use crate::{
    cli::DrillServe,
    failure::{Code, Outcome},
    home::Home,
    run_file::RunFile,
};

/// Lets programs play until Ctrl-C. A drill that goes on then goes on.
pub(in crate::commands::drill) async fn run(home: &Home, options: &DrillServe, json: bool) -> Outcome {
    // Said now and not at the first request.
    RunFile::find(home)?;
    let mut stop = signal::StopAsked::listen()?;
    let listening = Listening::start(home, options.port).await?;
    match json {
        true => output::json(&serde_json::json!({"url": listening.url, "token": listening.token})),
        false => output::print(&format!("{}\nAuthorization: Bearer {}", listening.url, listening.token)),
    }
    stop.asked().await;
    listening.stop().await;
    Ok(Code::Good)
}
