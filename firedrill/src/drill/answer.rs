//! Grades an answer to the drill that goes on, and keeps it.

use drills::{
    grade::{Answer, Grade, grade},
    session::{Happened, Phase, Session},
};

use super::{evidence, sealed::Sealed, store::Store};
use crate::{failure::Failure, home::Home, run_file::RunFile, stack};

/// Grades it. Fails, and nothing was answered, when there is nothing to answer now or no such evidence.
pub async fn give(home: &Home, by: &str, answer: Answer) -> Result<(Session, Grade), Failure> {
    let store = Store::of(home);
    let session = store.last()?;
    let sealed = Sealed::of(home, &session)?;
    let accepted = match &answer.evidence {
        Some(id) if session.phase == Phase::Investigating => {
            let stack = stack::of(&RunFile::find(home)?)?;
            evidence::shows(&stack, &sealed.scenario, &session, id).await?
        }
        _ => false,
    };
    let grade = grade(&sealed.truth(), &answer, accepted, session.before());
    let happened = Happened::Answered { by: by.to_owned(), answer, grade: grade.clone() };
    Ok((store.record(happened)?, grade))
}
