//! What `logs --follow` and `query --follow` share: asking again and again until Ctrl-C, through a backend that restarts.

use std::time::Duration;

use super::{output, signal::StopAsked};
use crate::{
    failure::{Code, Failure, Outcome},
    home::Home,
    run_file::RunFile,
    stack,
};

/// Between two questions. The services are scraped, and send their lines, about once a second.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether there is still somebody who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Reads,
    /// As after `| head`: a reason to end, and no failure.
    Left,
}

/// Asks until Ctrl-C. That the first question fails is told as it always is; later ones may, and are asked again for as long as
/// the stack is up.
pub(super) async fn follow(
    home: &Home,
    mut ask: impl AsyncFnMut() -> Result<Reader, query::Error>,
) -> Outcome {
    let mut stop = StopAsked::listen()?;
    let mut answered_once = false;
    let mut is_lost = false;
    loop {
        let answer = tokio::select! {
            answer = ask() => answer,
            () = stop.asked() => return Ok(Code::Good),
        };
        match answer {
            Ok(Reader::Left) => return Ok(Code::Good),
            Ok(Reader::Reads) if is_lost => {
                output::note("it answers again");
                is_lost = false;
            }
            Ok(Reader::Reads) => {}
            Err(error) if !answered_once => return Err(stack::failed(&error)),
            Err(error) => {
                if RunFile::find(home).is_err() {
                    return Err(Failure::environment("the stack was stopped; nothing is left to follow"));
                }
                if !is_lost {
                    output::note(&format!("{error}; asking again until it answers"));
                }
                is_lost = true;
            }
        }
        answered_once = true;
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.asked() => return Ok(Code::Good),
        }
    }
}
