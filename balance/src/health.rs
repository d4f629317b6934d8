//! Whether an instance is fit for requests, from what probes and requests tell. Pure.

/// Requests in a row that broke or were not answered, after which an instance is out.
const BROKEN: u32 = 3;

/// What a request tells of the instance that it went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It answered, whatever it said.
    Answered,
    /// No connection: nobody is there.
    Unreachable,
    /// The connection broke, or no answer came in time. It may be the network, or this one request.
    Broken,
}

/// What is known of an instance. New ones are taken for fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Health {
    out: bool,
    broken: u32,
}

impl Health {
    pub(crate) fn is_fit(&self) -> bool {
        !self.out
    }

    /// A request has ended. An answer alone brings nobody back: it may be the last one of an instance that is about to end.
    pub(crate) fn requested(&mut self, told: Told) {
        self.broken = match told {
            Told::Answered => 0,
            Told::Unreachable => BROKEN,
            Told::Broken => (self.broken + 1).min(BROKEN),
        };
        self.out |= self.broken == BROKEN;
    }

    /// A probe was answered well, or was not.
    pub(crate) fn probed(&mut self, well: bool) {
        *self = Self { out: !well, broken: if well { 0 } else { self.broken } };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refused_connection_takes_an_instance_out_and_a_good_probe_brings_it_back() {
        let mut health = Health::default();
        assert!(health.is_fit());
        health.requested(Told::Unreachable);
        assert!(!health.is_fit());
        health.requested(Told::Answered);
        assert!(!health.is_fit(), "that may have been its last answer");
        health.probed(true);
        assert!(health.is_fit());
    }

    #[test]
    fn broken_requests_count_only_in_a_row() {
        let mut health = Health::default();
        for told in [Told::Broken, Told::Broken, Told::Answered, Told::Broken, Told::Broken] {
            health.requested(told);
        }
        assert!(health.is_fit());
        health.requested(Told::Broken);
        assert!(!health.is_fit());
    }

    #[test]
    fn a_probe_without_a_good_answer_takes_an_instance_out_at_once() {
        let mut health = Health::default();
        health.probed(false);
        assert!(!health.is_fit());
    }
}
