//! What was seen: a sign, where, how strongly, and how anybody can see it again.

use query::TraceId;
use serde::Serialize;

/// Kinds of things to be seen. A sign names what is observed, never why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Whoever uses the system gets errors.
    UsersFail,
    /// Whoever uses the system waits.
    UsersWait,
    /// Requests are refused as the client's mistake (4xx), more than before.
    Refusals,
    /// Requests are refused because what is asked for is in conflict with what is there (409), more than before.
    Conflicts,
    /// A server answers with errors of its own.
    ServerFails,
    /// A server takes longer.
    ServerSlow,
    /// Most operations of a service take longer.
    AllOperationsSlow,
    /// Callers of a service get no answer in time.
    CallsTimeOut,
    /// Calls to a service break, one way or another.
    CallsBreak,
    /// Callers find nobody listening.
    CallsRefused,
    /// Connections break in the middle of a call.
    CallsReset,
    /// Calls end without an answer and without a trace of their arrival.
    CallsUnanswered,
    /// Errors have their deepest origin here.
    ErrorsBegin,
    /// The time is spent in the service's own work.
    SelfTime,
    /// The time is spent in a statement.
    StatementTime,
    /// The time is spent waiting for a connection of the pool.
    PoolTime,
    /// The time is spent waiting for the turn to write.
    TurnTime,
    /// The time is spent between the caller's and the callee's span.
    NetworkTime,
    /// An operation that checks passwords or tokens is what became slow.
    Authenticates,
    /// A target does not answer its scrapes.
    Unresponsive,
    /// The runtime runs tasks much later than they are due.
    HeartbeatsLate,
    /// A target answers its scrapes late, others do not.
    ScrapesSlow,
    /// The process was started again.
    Restarted,
    /// The process was started again and again.
    RestartedOften,
    /// Memory grows steadily.
    MemoryClimbs,
    /// Open files and sockets become steadily more.
    DescriptorsClimb,
    /// Threads become steadily more.
    ThreadsClimb,
    /// The process uses more processor time for a request.
    CpuRose,
    /// The process uses as much processor time for a request as before.
    CpuSteady,
    /// The process gets less processor time, although requests wait.
    CpuFell,
    /// More requests are under way at a time.
    InFlightRose,
    /// Reading statements take longer.
    ReadsSlow,
    /// Writing statements take longer.
    WritesSlow,
    /// Commits take longer.
    CommitsSlow,
    /// Beginning a transaction takes longer.
    BeginsSlow,
    /// Statements fail.
    StatementsFail,
    /// Statements return more rows.
    RowsRose,
    /// There are more statements for a request.
    QueriesPerRequest,
    /// One request makes the same call or query many times.
    Repeats,
    /// Statements come in bursts.
    Bursts,
    /// Requests wait for a connection of the pool.
    PoolWait,
    /// Requests give up waiting for a connection of the pool.
    PoolTimeouts,
    /// Writers wait for their turn.
    WriteTurnWait,
    /// Calls are repeated.
    RetriesRose,
    /// A circuit breaker opened.
    BreakerOpened,
    /// A limit refuses calls.
    CallsRejected,
    /// Whoever is called works on after its caller gave up.
    WorkOutlives,
    /// What waits in a queue becomes older.
    QueueGrows,
    /// More requests come.
    TrafficRose,
    /// Fewer requests come.
    TrafficFell,
    /// Errors concern one record alone.
    OneRecordFails,
    /// Only what belongs to one tenant is slow.
    OneTenantSlow,
    /// What is bad is of one version alone.
    OneVersionSuffers,
    /// A version appeared.
    VersionAppeared,
    /// Business figures moved, though requests look as before.
    BusinessShifted,
    /// Servers begin traces of their own, where they used to continue their callers'.
    OrphanRoots,
    /// Spans are missing from traces.
    SpansMissing,
    /// Fewer spans are made for a request.
    SpansFewer,
    /// A process says that it dropped telemetry.
    TelemetryDropped,
    /// What a service says is at another time than its callers say.
    ClockOff,
    /// Log lines say that the disk is full.
    SaidDiskFull,
    /// Log lines say that the database is locked.
    SaidLocked,
    /// Log lines say that there are no more file descriptors.
    SaidNoDescriptors,
    /// Log lines say that the program panicked.
    SaidPanic,
    /// Log lines of a kind that was not there before.
    NewLines,
}

/// Where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Default)]
pub struct Place {
    /// The service; for a call, the one that is called.
    pub service: String,
    /// The operation, as its spans are named; none for the whole service.
    pub operation: Option<String>,
    /// For a call, who calls.
    pub caller: Option<String>,
}

impl Place {
    /// A whole service.
    #[must_use]
    pub fn service(service: &str) -> Self {
        Self { service: service.to_owned(), ..Self::default() }
    }

    /// One operation of it.
    #[must_use]
    pub fn operation(service: &str, operation: &str) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::service(service) }
    }

    /// A call of it.
    #[must_use]
    pub fn call(caller: &str, service: &str, operation: &str) -> Self {
        Self { caller: Some(caller.to_owned()), ..Self::operation(service, operation) }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(caller) = &self.caller {
            write!(f, "{caller} → ")?;
        }
        f.write_str(&self.service)?;
        self.operation.iter().try_for_each(|operation| write!(f, " {operation}"))
    }
}

/// How anybody can see it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "text")]
pub enum Evidence {
    /// A PromQL expression; it names its moment, so that it can be asked later.
    Promql(String),
    /// A LogQL query.
    Logql(String),
    /// A trace.
    Trace(TraceId),
}

impl Evidence {
    /// The words of the command that shows it; how the program itself is called, its caller knows.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let (command, what) = match self {
            Self::Promql(text) => ("query", text.clone()),
            Self::Logql(text) => ("logs", text.clone()),
            Self::Trace(id) => ("trace", id.to_string()),
        };
        vec![command.to_owned(), what]
    }
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What.
    pub sign: Sign,
    /// Where.
    pub place: Place,
    /// How strongly, from 0 to 1.
    pub strength: f64,
    /// What exactly, for people.
    pub text: String,
    /// How to see it again.
    pub evidence: Vec<Evidence>,
}

impl Finding {
    /// Without evidence, which [`Finding::shown_by`] adds.
    #[must_use]
    pub fn new(sign: Sign, place: Place, strength: f64, text: String) -> Self {
        Self { sign, place, strength: strength.clamp(0.0, 1.0), text, evidence: Vec::new() }
    }

    /// With this evidence.
    #[must_use]
    pub fn shown_by(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_one_word() {
        let evidence = Evidence::Logql(r#"{service_name="it's"} |= "a b""#.to_owned());
        assert_eq!(evidence.words(), ["logs", r#"{service_name="it's"} |= "a b""#]);
    }

    #[test]
    fn places_read_as_people_say_them() {
        assert_eq!(Place::call("shop", "stock", "POST /items").to_string(), "shop → stock POST /items");
        assert_eq!(Place::service("stock").to_string(), "stock");
    }
}
