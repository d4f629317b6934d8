//! How long it took: until somebody knew, until somebody knew where, and until the users were well again.

use super::Session;
use serde::Serialize;

/// Times in seconds, counted from the onset; none where it did not come to that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measures {
    /// Until people were told, or looked for themselves.
    pub ttd_s: Option<f64>,
    /// Until an answer named the right service.
    pub ttl_s: Option<f64>,
    /// Until the users' figures were as before, after somebody had acted.
    pub ttm_s: Option<f64>,
}

impl Measures {
    /// Of a session.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let since_onset = |at_ms: Option<u64>| {
            let took = at_ms?.checked_sub(session.onset_ms?)?;
            Some(took as f64 / 1e3)
        };
        let paged = session.paged.as_ref().map(|told| told.at_ms);
        let looked = session.looked.iter().map(|note| note.at_ms).find(|at| Some(*at) >= session.onset_ms);
        let located = session.tries.iter().find(|tried| tried.grade.correct.service).map(|tried| tried.at_ms);
        // What recovers by itself was mitigated by nobody.
        let acted = session.acts.iter().any(|act| Some(act.at_ms) <= session.recovered_ms);
        Self {
            ttd_s: since_onset(paged.into_iter().chain(looked).min()),
            ttl_s: since_onset(located),
            ttm_s: since_onset(session.recovered_ms.filter(|_| acted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::Before;
    use crate::session::{Happened, state::tests::*};
    use causes::Cause;

    #[test]
    fn times_count_from_the_onset() {
        let mut session = Session::begin(&started()).unwrap();
        assert_eq!(Measures::of(&session), Measures { ttd_s: None, ttl_s: None, ttm_s: None });
        session.apply(&at(10_000, Happened::Onset)).unwrap();
        session.apply(&paged(40_000)).unwrap();
        session.apply(&answered(70_000, "stock", Cause::MemoryLeak, Before::default())).unwrap();
        session.apply(&at(80_000, Happened::Acted { by: "ann".into(), ops: "restart shop".into() })).unwrap();
        session.apply(&at(95_500, Happened::Recovered)).unwrap();
        session.apply(&answered(100_000, "shop", Cause::MemoryLeak, session.before())).unwrap();
        let measures = Measures::of(&session);
        assert_eq!((measures.ttd_s, measures.ttl_s, measures.ttm_s), (Some(30.0), Some(90.0), Some(85.5)));
    }

    #[test]
    fn what_recovers_by_itself_was_mitigated_by_nobody() {
        let mut session = Session::begin(&started()).unwrap();
        session.apply(&at(10_000, Happened::Onset)).unwrap();
        session.apply(&at(20_000, Happened::Recovered)).unwrap();
        assert_eq!(Measures::of(&session).ttm_s, None);
    }
}
