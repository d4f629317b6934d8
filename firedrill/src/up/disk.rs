//! Notices when a store's disk takes no more data while the stack runs, and when it does again. The parts say so in
//! their logs and metrics, which few people watch; here it is told in one line each. It asks nobody: what the parts'
//! metrics say is handed to it.

use std::{collections::BTreeMap, path::PathBuf};

/// What is known of the stores' disk.
#[derive(Debug)]
pub(super) struct Disk {
    data: PathBuf,
    /// Whether the telemetry store cannot write.
    telemetry_refuses: bool,
    databases: BTreeMap<String, Database>,
}

/// A service's database, as it was at the last look.
#[derive(Debug, Default)]
struct Database {
    counts: Writes,
    is_full: bool,
}

/// Counters of one database, which begin anew when its service does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Writes {
    /// Statements that failed because the disk was full, or failed itself.
    pub(super) refused: u64,
    /// Transactions that were committed.
    pub(super) committed: u64,
}

impl Disk {
    /// For the stores in this data folder; nothing is known to be wrong.
    pub(super) fn new(data: PathBuf) -> Self {
        Self { data, telemetry_refuses: false, databases: BTreeMap::new() }
    }

    /// Takes note of whether the telemetry store refuses data for its disk; says what is new about that.
    pub(super) fn telemetry(&mut self, refuses: bool) -> Option<String> {
        let was = std::mem::replace(&mut self.telemetry_refuses, refuses);
        let path = self.data.join("telemetry");
        let path = path.display();
        match (was, refuses) {
            (false, true) => Some(format!(
                "The disk takes no data: the telemetry store in {path} cannot be written, and new spans and logs are refused; free some space there, and it goes on by itself"
            )),
            (true, false) => {
                Some(format!("The disk takes data again: the telemetry store in {path} goes on"))
            }
            _ => None,
        }
    }

    /// Takes note of what a service's database counted; says what is new about its disk.
    pub(super) fn database(&mut self, service: &str, now: Writes) -> Option<String> {
        let database = self.databases.entry(service.to_owned()).or_default();
        let before = std::mem::replace(&mut database.counts, now);
        let grew = |before: u64, now: u64| now > if now < before { 0 } else { before };
        let is_full = if grew(before.refused, now.refused) {
            true
        } else {
            // Reads tell nothing, and neither does silence: only a write shows that there is room again.
            database.is_full && !grew(before.committed, now.committed)
        };
        let was = std::mem::replace(&mut database.is_full, is_full);
        let path = self.data.join(format!("{service}.db"));
        let path = path.display();
        match (was, is_full) {
            (false, true) => Some(format!(
                "The disk takes no data: {service} cannot write {path}, and requests that need it fail; free some space there, and it goes on by itself"
            )),
            (true, false) => Some(format!("The disk takes data again: {service} writes {path}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> Disk {
        Disk::new(PathBuf::from("/home/data"))
    }

    #[test]
    fn the_telemetry_stores_disk_is_told_when_it_fills_and_when_that_is_over() {
        let mut disk = disk();
        assert_eq!(disk.telemetry(false), None);
        let told = disk.telemetry(true).expect("news");
        assert!(told.contains("/home/data/telemetry") && told.contains("free some space"), "{told}");
        assert_eq!(told.lines().count(), 1);
        assert_eq!(disk.telemetry(true), None);
        let told = disk.telemetry(false).expect("news");
        assert!(told.contains("again") && told.contains("/home/data/telemetry"), "{told}");
        assert_eq!(disk.telemetry(false), None);
    }

    #[test]
    fn a_databases_full_disk_is_over_when_it_commits_again_and_not_before() {
        let mut disk = disk();
        let mut see = |refused, committed| disk.database("order-service", Writes { refused, committed });
        assert_eq!(see(0, 10), None);
        let told = see(2, 11).expect("news");
        assert!(told.contains("/home/data/order-service.db") && told.contains("free some space"), "{told}");
        assert_eq!(see(3, 12), None, "some writes fit, others still do not");
        assert_eq!(see(3, 12), None, "nothing was tried");
        assert!(see(3, 13).expect("news").contains("again"));
        assert_eq!(see(3, 14), None);
    }

    #[test]
    fn a_service_that_starts_anew_counts_from_nothing() {
        let mut disk = disk();
        let mut see = |refused, committed| disk.database("order-service", Writes { refused, committed });
        assert!(see(5, 10).is_some());
        assert_eq!(see(0, 0), None, "it has not written yet");
        assert!(see(0, 1).expect("news").contains("again"));
        assert!(see(1, 1).expect("news").contains("takes no data"));
    }

    #[test]
    fn each_database_is_told_apart() {
        let mut disk = disk();
        assert!(disk.database("user-service", Writes { refused: 1, committed: 0 }).is_some());
        assert_eq!(disk.database("order-service", Writes { refused: 0, committed: 1 }), None);
    }
}
