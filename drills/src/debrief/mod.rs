//! What is told afterwards: what was true, where each signal showed it, the shortest way to the answer, and what the
//! participants did. One model, and a rendering of it for the terminal, as markdown and as one HTML file.

mod html;
mod markdown;
mod model;
mod terminal;

pub use html::html;
pub use markdown::markdown;
pub use model::{Chart, Debrief, Moment, Shown, debrief};
pub use terminal::terminal;

#[cfg(test)]
mod testing {
    use super::*;
    use crate::{
        grade::Before,
        scenario,
        session::{Event, Happened, Session},
    };
    use causes::Cause;

    /// A debrief of a session in which somebody tried to do harm with words.
    pub(super) fn hostile() -> Debrief {
        let scenario = scenario::find("harbour").unwrap();
        let truth = scenario.truth(std::iter::empty());
        let at = |at_ms, happened| Event { at_ms, happened };
        let answer = crate::grade::Answer { cause: Some(Cause::MemoryLeak), ..Default::default() };
        let grade = crate::grade::grade(&truth, &answer, false, Before::default());
        let by = || "<b>ann|</b>".to_owned();
        let events = [
            at(
                0,
                Happened::Started {
                    run: "00ab".into(),
                    scenario: "harbour".into(),
                    seed: 7,
                    ledger: "ab".into(),
                    participants: vec![by()],
                    minutes: 20,
                    speed: 1.0,
                },
            ),
            at(10_000, Happened::Onset),
            at(40_000, Happened::Paged { text: "orders are slow".into(), since_ms: 0, trace: None }),
            at(50_000, Happened::Noted { by: by(), text: "<script>alert(1)</script>\nsecond | line".into() }),
            at(60_000, Happened::Answered { by: by(), answer, grade }),
            at(70_000, Happened::Stopped),
        ];
        let session = Session::replay(&events).unwrap().unwrap();
        let shown = vec![Shown {
            signal: "metrics".into(),
            what: "waits for connections".into(),
            command: "firedrill query 'x'".into(),
        }];
        let points = vec![(0.0, 1.0), (10.0, 5.0), (20.0, f64::NAN), (30.0, 2.0)];
        let charts = vec![Chart { title: "p95 <of> orders".into(), unit: "s".into(), points }];
        debrief(&scenario, &truth, &session, shown, charts)
    }
}
