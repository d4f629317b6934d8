//! What is known of causes: the sign that a cause cannot be without, and the signs that speak for or against it.
//!
//! This is the whole of what the investigator knows of incidents in general. No rule names a service, a route or a setting,
//! and none is for one incident: a rule says what a cause looks like wherever it happens. Weights are in one unit: a sign
//! that hardly anything else causes weighs 2 to 4, one that many things cause about 1.

use crate::finding::Sign;
use causes::Cause;

/// Where a cause lies, seen from its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// In one operation: that of the sign, or the one of the service that suffers most.
    Operation,
    /// In the service as a whole.
    Service,
    /// In the caller of the call that the sign is about.
    Caller,
}

/// How one cause is recognised.
#[derive(Debug)]
pub struct Rule {
    /// The cause.
    pub cause: Cause,
    /// Without it the cause is not considered; its place is the cause's.
    pub anchor: Sign,
    /// What the anchor weighs by itself.
    pub weight: f64,
    /// Signs that speak for it, at the same service.
    pub with: &'static [(Sign, f64)],
    /// Signs that speak against it, at the same service.
    pub without: &'static [(Sign, f64)],
    /// Where it lies.
    pub place: Where,
}

macro_rules! rules {
    ($($cause:ident: $anchor:ident $weight:literal, $place:ident,
        with [$($with:ident $for:literal),*], without [$($without:ident $against:literal),*];)+) => {
        /// All that is known. A cause may be recognised in more ways than one.
        pub const RULES: &[Rule] = &[$(Rule {
            cause: Cause::$cause,
            anchor: Sign::$anchor,
            weight: $weight,
            with: &[$((Sign::$with, $for)),*],
            without: &[$((Sign::$without, $against)),*],
            place: Where::$place,
        }),+];
    };
}

rules! {
    // Processes.
    ProcessStopped: Unresponsive 3.0, Service,
        with [CallsUnanswered 2.0, CallsTimeOut 1.0], without [Restarted 3.0, RestartedOften 4.0, CallsRefused 2.0];
    ProcessKilled: Restarted 3.0, Service,
        with [CallsRefused 1.0, CallsReset 0.5, Unresponsive 0.5], without [MemoryClimbs 2.0, SaidPanic 2.0];
    ProcessKilled: Unresponsive 2.0, Service,
        with [CallsRefused 3.0], without [CallsUnanswered 1.5, Restarted 4.0, RestartedOften 4.0];
    CrashLoop: RestartedOften 4.0, Service,
        with [CallsRefused 1.0, CallsReset 0.5, OneRecordFails 1.0], without [MemoryClimbs 2.0];
    CrashLoop: Restarted 1.5, Service,
        with [SaidPanic 3.0, OneRecordFails 2.0], without [];
    OutOfMemory: Restarted 1.0, Service, with [MemoryClimbs 4.0], without [];
    OutOfMemory: RestartedOften 1.0, Service, with [MemoryClimbs 5.0], without [];
    MemoryLeak: MemoryClimbs 2.5, Service, with [], without [Restarted 1.0, TrafficRose 1.0];
    DescriptorLeak: DescriptorsClimb 2.5, Service, with [SaidNoDescriptors 2.0], without [TrafficRose 1.0, InFlightRose 1.5];
    DescriptorLeak: SaidNoDescriptors 3.0, Service, with [DescriptorsClimb 2.0], without [];
    ThreadLeak: ThreadsClimb 2.5, Service, with [], without [TrafficRose 1.0];
    CpuStarvation: AllOperationsSlow 1.0, Service,
        with [CpuFell 2.0, ScrapesSlow 1.0, SelfTime 0.5], without [CpuRose 1.5, PoolWait 1.0];

    // Code.
    BlockedExecutor: AllOperationsSlow 1.5, Service,
        with [HeartbeatsLate 2.0, ScrapesSlow 1.0, SelfTime 0.5, NetworkTime 0.5, CpuRose 0.3], without [PoolWait 2.0, ReadsSlow 0.5, CpuFell 1.0, Authenticates 1.0];
    LockContention: SelfTime 1.0, Operation,
        with [CpuSteady 1.2, CpuFell 0.5, InFlightRose 0.5],
        without [HeartbeatsLate 1.5, CpuRose 1.5, PoolWait 1.0, AllOperationsSlow 1.5, OneVersionSuffers 1.0, OneTenantSlow 1.0];
    CostlyCode: SelfTime 1.0, Operation,
        with [CpuRose 1.5], without [Authenticates 1.5, AllOperationsSlow 0.5, CpuSteady 1.0, OneVersionSuffers 1.0];
    CostlyAuthentication: Authenticates 1.5, Operation, with [CpuRose 1.5, SelfTime 0.5], without [CpuSteady 0.5];
    CacheStampede: Bursts 2.5, Operation, with [QueriesPerRequest 1.0], without [Repeats 1.0];
    CacheBypassed: QueriesPerRequest 2.0, Operation, with [], without [Repeats 2.0, Bursts 2.0];

    // Databases.
    PoolExhaustion: PoolWait 2.5, Operation,
        with [PoolTimeouts 1.5, PoolTime 1.5], without [ReadsSlow 1.0, WritesSlow 0.7, CommitsSlow 1.0];
    PoolExhaustion: PoolTimeouts 2.5, Operation, with [PoolWait 1.5, PoolTime 1.0], without [ReadsSlow 1.0];
    NPlusOneQueries: Repeats 3.0, Operation, with [QueriesPerRequest 1.0], without [RetriesRose 1.0];
    MissingIndex: ReadsSlow 2.0, Operation,
        with [StatementTime 1.5, CpuRose 0.7], without [WriteTurnWait 0.5, CommitsSlow 0.5, RowsRose 2.0, OneTenantSlow 1.0, SaidLocked 2.0, CpuFell 1.0];
    UnboundedResult: RowsRose 2.5, Operation, with [ReadsSlow 0.5, StatementTime 0.5], without [OneTenantSlow 2.0];
    DatabaseLocked: StatementsFail 1.5, Service, with [SaidLocked 2.5, BeginsSlow 1.5, WriteTurnWait 1.0], without [SaidDiskFull 3.0];
    DatabaseLocked: BeginsSlow 2.0, Service, with [SaidLocked 2.0, WriteTurnWait 1.0], without [CommitsSlow 0.5];
    DatabaseUnavailable: StatementsFail 2.0, Service, with [ErrorsBegin 0.5], without [SaidLocked 2.5, SaidDiskFull 2.5, BeginsSlow 1.5];
    SlowDisk: CommitsSlow 2.5, Service, with [WriteTurnWait 0.7, BeginsSlow 0.3], without [CpuFell 0.5];
    FullDisk: SaidDiskFull 4.0, Service, with [StatementsFail 0.5], without [];

    // Data.
    PoisonRecord: OneRecordFails 3.0, Operation, with [ErrorsBegin 0.5], without [RestartedOften 2.0, OneVersionSuffers 1.0];
    SkewedTenant: OneTenantSlow 3.0, Operation, with [RowsRose 1.0, StatementTime 0.5], without [AllOperationsSlow 1.5];
    StaleData: BusinessShifted 2.0, Operation, with [], without [UsersFail 1.5, Refusals 1.0];

    // Changes.
    BadDeploy: VersionAppeared 1.5, Operation,
        with [OneVersionSuffers 2.5, ErrorsBegin 1.0, ServerFails 0.7, ServerSlow 0.5], without [];
    BadConfiguration: ErrorsBegin 1.2, Operation,
        with [NewLines 0.3], without [VersionAppeared 1.5, OneRecordFails 2.0, StatementsFail 1.0, PoolWait 1.0, CallsUnanswered 0.5, Restarted 1.0];

    // Networks.
    SlowNetwork: NetworkTime 2.5, Operation, with [], without [AllOperationsSlow 0.8, ScrapesSlow 1.5, PoolWait 1.0];
    ConnectionResets: CallsReset 2.5, Operation, with [CallsBreak 0.5], without [Unresponsive 3.0, Restarted 3.0, RestartedOften 3.0, CallsRefused 1.0];
    NetworkBlackhole: CallsUnanswered 1.5, Operation, with [CallsTimeOut 1.5], without [Unresponsive 4.0, ServerSlow 1.5, AllOperationsSlow 1.5];

    // Between services.
    RetryStorm: RetriesRose 1.5, Caller,
        with [TrafficRose 1.5, AllOperationsSlow 0.5, ServerSlow 0.5], without [Unresponsive 3.0, CallsRefused 1.0, CallsReset 1.5, CallsUnanswered 1.0, Restarted 1.5, RestartedOften 2.0];
    TimeoutMismatch: WorkOutlives 2.5, Operation, with [CallsTimeOut 1.0], without [Unresponsive 3.0, PoolWait 1.0, ReadsSlow 1.0];
    UnboundedQueue: QueueGrows 3.0, Operation, with [], without [Restarted 0.5];
    LimitTooLow: CallsRejected 2.0, Caller, with [], without [ServerSlow 1.5, CallsTimeOut 1.5, Unresponsive 2.0, TrafficRose 1.0, NetworkTime 1.0];
    BreakerMisconfigured: BreakerOpened 2.0, Caller,
        with [], without [CallsTimeOut 2.0, CallsRefused 2.0, CallsReset 2.0, CallsBreak 2.0, ServerFails 2.0, Unresponsive 2.0, CallsUnanswered 2.0, Restarted 2.0];

    // Clients.
    TrafficSurge: TrafficRose 1.5, Service, with [UsersWait 1.0, InFlightRose 0.5, CallsRejected 0.5, UsersFail 0.5], without [RetriesRose 1.5];
    TrafficStopped: TrafficFell 2.5, Service, with [], without [Unresponsive 3.0, CallsRefused 2.0, CallsTimeOut 2.0, BreakerOpened 2.5, Restarted 2.0];
    BadClientInput: Refusals 2.0, Operation, with [], without [VersionAppeared 1.5, ServerFails 0.5];
    SoldOut: Conflicts 2.0, Operation, with [], without [VersionAppeared 1.0];

    // Telemetry.
    BrokenPropagation: OrphanRoots 4.0, Operation, with [SpansMissing 0.5], without [];
    TelemetryLoss: TelemetryDropped 3.0, Service, with [SpansMissing 1.0], without [Unresponsive 1.5];
    TelemetryLoss: SpansMissing 2.5, Service, with [TelemetryDropped 1.5], without [OrphanRoots 4.0, Unresponsive 2.0, Restarted 2.0, RestartedOften 2.0, SpansFewer 1.0];
    SamplingTooLow: SpansFewer 3.0, Service, with [], without [TelemetryDropped 0.5];
    ClockSkew: ClockOff 4.0, Service, with [], without [];
    ScrapeFailure: Unresponsive 3.5, Service,
        with [], without [CallsTimeOut 3.0, CallsRefused 3.0, CallsUnanswered 3.0, CallsBreak 3.0, UsersFail 3.0, Restarted 3.0, RestartedOften 3.0];
}

/// Signs that somebody is hurt.
#[must_use]
pub fn is_harm(sign: Sign) -> bool {
    use Sign::{Conflicts, Refusals, ServerFails, ServerSlow, UsersFail, UsersWait};
    matches!(sign, UsersFail | UsersWait | Refusals | Conflicts | ServerFails | ServerSlow)
}

/// Signs of trouble that nobody feels yet, or that nobody's requests show.
#[must_use]
pub fn is_silent_trouble(sign: Sign) -> bool {
    matches!(
        sign,
        Sign::Unresponsive
            | Sign::Restarted
            | Sign::RestartedOften
            | Sign::MemoryClimbs
            | Sign::DescriptorsClimb
            | Sign::ThreadsClimb
            | Sign::SaidDiskFull
            | Sign::QueueGrows
            | Sign::BusinessShifted
            | Sign::OrphanRoots
            | Sign::SpansMissing
            | Sign::SpansFewer
            | Sign::TelemetryDropped
            | Sign::ClockOff
            | Sign::Repeats
            | Sign::RowsRose
            | Sign::QueriesPerRequest
            | Sign::TrafficFell
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn most_causes_are_known_and_none_needs_what_speaks_against_it() {
        let known: BTreeSet<Cause> = RULES.iter().map(|rule| rule.cause).collect();
        assert!(known.len() >= 35, "{}", known.len());
        assert!(!known.contains(&Cause::Nothing), "nothing is what is left");
        for rule in RULES {
            let mut signs: Vec<Sign> = rule.with.iter().chain(rule.without).map(|(sign, _)| *sign).collect();
            signs.push(rule.anchor);
            let different: BTreeSet<Sign> = signs.iter().copied().collect();
            assert_eq!(signs.len(), different.len(), "{:?} names a sign twice", rule.cause);
        }
    }
}
