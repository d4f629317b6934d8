//! The list. A cause is what somebody would change to end the incident, not what is seen of it: "slow" is none.

use std::fmt;

/// What kind of thing a cause is: where a person would go to change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Nothing is wrong.
    None,
    /// How the program does its work.
    Code,
    /// The database, its pool, its queries, its disk.
    Database,
    /// What is stored.
    Data,
    /// The process and what the machine gives it.
    Process,
    /// What was deployed or set.
    Change,
    /// What lies between two processes.
    Network,
    /// Time-outs, retries, limits and queues between two services.
    Resilience,
    /// Those who call.
    Clients,
    /// What tells us about all this.
    Telemetry,
}

impl Family {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Code => "code",
            Self::Database => "database",
            Self::Data => "data",
            Self::Process => "process",
            Self::Change => "change",
            Self::Network => "network",
            Self::Resilience => "resilience",
            Self::Clients => "clients",
            Self::Telemetry => "telemetry",
        }
    }
}

macro_rules! causes {
    ($($variant:ident, $name:literal, $family:ident, $plain:literal;)+) => {
        /// A plain cause.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Cause {
            $(#[doc = concat!("`", $name, "`: ", $plain, ".")] $variant,)+
        }

        impl Cause {
            /// Every cause, family by family.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name it is answered by, such as `pool-exhaustion`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Where a person would go to change it.
            #[must_use]
            pub fn family(self) -> Family {
                match self { $(Self::$variant => Family::$family,)+ }
            }

            /// What it is, in a plain sentence without a full stop.
            #[must_use]
            pub fn plain(self) -> &'static str {
                match self { $(Self::$variant => $plain,)+ }
            }
        }
    };
}

causes! {
    Nothing, "nothing", None, "Nothing is wrong: what was seen is everyday variation";

    LockContention, "lock-contention", Code, "Requests queue for one lock inside the process";
    Deadlock, "deadlock", Code, "Parts of the process wait for each other for ever";
    BlockedExecutor, "blocked-executor", Code, "Blocking work sits on the threads that serve all requests";
    CostlyCode, "costly-code", Code, "One operation computes far more than it did";
    CostlyAuthentication, "costly-authentication", Code, "Checking a password costs far more processor time than it did";
    CacheStampede, "cache-stampede", Code, "Whenever a cached answer expires, everybody computes it at once";
    CacheBypassed, "cache-bypassed", Code, "A cache no longer answers, so that every request goes to its source";
    ExcessiveLogging, "excessive-logging", Code, "Writing log lines takes the time of the requests";

    PoolExhaustion, "pool-exhaustion", Database, "Requests wait for a connection, because all of the pool are held";
    NPlusOneQueries, "n-plus-one-queries", Database, "One query for each item, where one for all would do";
    MissingIndex, "missing-index", Database, "A query reads a whole table, because no index serves it";
    UnboundedResult, "unbounded-result", Database, "A query returns everything, where a page would do";
    DatabaseLocked, "database-locked", Database, "Somebody holds the database's own lock, and writers wait or fail";
    DatabaseUnavailable, "database-unavailable", Database, "The database cannot be opened or does not answer";
    SlowDisk, "slow-disk", Database, "Writing to the disk takes long, and every commit with it";
    FullDisk, "full-disk", Database, "The disk is full, and nothing can be written";

    PoisonRecord, "poison-record", Data, "One record cannot be handled, whoever asks for it";
    SkewedTenant, "skewed-tenant", Data, "One tenant has far more data than all others and is slow alone";
    StaleData, "stale-data", Data, "Answers look good and are made of values that are no longer true";
    LostUpdate, "lost-update", Data, "Of two concurrent changes one is overwritten, and nobody is told";
    CorruptData, "corrupt-data", Data, "Stored data is damaged";

    MemoryLeak, "memory-leak", Process, "The process keeps what it no longer needs, and its memory grows without end";
    DescriptorLeak, "descriptor-leak", Process, "The process keeps files or sockets open until there are none left";
    ThreadLeak, "thread-leak", Process, "The process starts threads that never end";
    ProcessStopped, "process-stopped", Process, "The process is there and does nothing: it is stopped or hangs as a whole";
    ProcessKilled, "process-killed", Process, "The process was ended from outside";
    CrashLoop, "crash-loop", Process, "The process ends by itself, is started, and ends again";
    OutOfMemory, "out-of-memory", Process, "The process was ended because it took more memory than it may";
    CpuStarvation, "cpu-starvation", Process, "The process gets less processor time than it needs";

    BadDeploy, "bad-deploy", Change, "A new version has a regression";
    BadConfiguration, "bad-configuration", Change, "A setting has a value with which the service cannot work";
    IncompatibleVersions, "incompatible-versions", Change, "Two services no longer agree on what they send each other";
    ExpiredCredential, "expired-credential", Change, "A password, token or certificate is no longer accepted";

    SlowNetwork, "slow-network", Network, "What is sent between two services arrives late";
    NarrowNetwork, "narrow-network", Network, "Between two services little fits through at a time, so that large messages are slow";
    ConnectionResets, "connection-resets", Network, "Connections between two services break while they are in use";
    NetworkBlackhole, "network-blackhole", Network, "What is sent between two services vanishes, and nobody says so";
    HalfOpenConnections, "half-open-connections", Network, "One side of a connection is gone, and the other has not noticed";
    NameResolution, "name-resolution", Network, "A name is no longer resolved to an address, or to the wrong one";

    RetryStorm, "retry-storm", Resilience, "Repeated calls keep up the overload that they were meant to bridge";
    TimeoutMismatch, "timeout-mismatch", Resilience, "Whoever is called works on after the caller has given up";
    UnboundedQueue, "unbounded-queue", Resilience, "Work piles up in a queue that its consumer cannot empty";
    PoisonMessage, "poison-message", Resilience, "One message of a queue fails again and again and holds up the rest";
    BreakerMisconfigured, "breaker-misconfigured", Resilience, "A circuit breaker refuses calls that would be answered";
    LimitTooLow, "limit-too-low", Resilience, "A limit on concurrent calls or requests refuses what could be served";
    TimeoutTooShort, "timeout-too-short", Resilience, "A time-out ends calls that take their usual time";

    TrafficSurge, "traffic-surge", Clients, "More requests come than can be served";
    TrafficStopped, "traffic-stopped", Clients, "Requests that should come do not come";
    AbusiveClient, "abusive-client", Clients, "One client asks far more than all others";
    BadClientInput, "bad-client-input", Clients, "Clients send requests that are rightly refused";
    SoldOut, "sold-out", Clients, "What is asked for is rightly not available";

    BrokenPropagation, "broken-propagation", Telemetry, "A hop does not pass on the trace context, and traces fall apart";
    TelemetryLoss, "telemetry-loss", Telemetry, "Spans or log lines are lost on their way, and views disagree";
    SamplingTooLow, "sampling-too-low", Telemetry, "Too few traces are kept to see what happens";
    ClockSkew, "clock-skew", Telemetry, "The clock of one service is wrong, and what it tells is at the wrong time";
    ScrapeFailure, "scrape-failure", Telemetry, "Metrics are not collected, although the service works";
    LabelExplosion, "label-explosion", Telemetry, "An id became a label, and there are more series than can be kept";
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn guessing_among_the_causes_is_hopeless() {
        assert!(Cause::ALL.len() >= 40, "{} causes", Cause::ALL.len());
    }

    #[test]
    fn every_cause_has_a_name_and_a_sentence_of_its_own() {
        let names: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
        let plain: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.plain()).collect();
        assert_eq!((names.len(), plain.len()), (Cause::ALL.len(), Cause::ALL.len()));
        for cause in Cause::ALL {
            let name = cause.name();
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
            assert!(!cause.plain().ends_with('.'), "{}", cause.plain());
        }
    }
}
