//! What a program can do in a drill, and the bodies that it sends.

use std::{process::Stdio, sync::Arc, time::Duration};

use axum::{
    Json as Body, Router,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use causes::Cause;
use chassis::{
    bearer,
    extract::Json,
    problem::{self, Problem},
};
use drills::{grade::Answer, session::Happened};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};

use super::super::{answer, hint, status};
use crate::{
    cli::drill_bounds,
    drill::{
        answer::give,
        begin::{Asked, begin},
        store::Store,
    },
    failure::{Code, Failure},
    home::Home,
    run_file::RunFile,
};

/// The largest body that is read.
const LARGEST_BODY: usize = 16 << 10;
/// An operation may let several instances drain and start.
const OPERATION: Duration = Duration::from_secs(300);
/// What an operator has.
const OPERATIONS: [&str; 7] = ["get", "set", "rollback", "restart", "scale", "deploy", "history"];
/// Whose name stands on the timeline.
const NAME: &str = "player";

/// All of them.
pub(super) fn routes(home: Home, token: &str) -> Router {
    Router::new()
        .route("/drill", get(show).post(start).delete(stop))
        .route("/drill/hints", post(hints))
        .route("/drill/notes", post(note))
        .route("/drill/ops", post(operate))
        .route("/drill/answers", post(answers))
        .route("/causes", get(causes))
        .with_state(home)
        .fallback(|| async { Problem::not_found("no-such-route", "there is nothing at this path") })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(Arc::<str>::from(token), bearer::guard))
        .layer(from_fn(problem::render))
}

type Answered = Result<Response, Problem>;

fn refused(failure: &Failure) -> Problem {
    let (status, slug) = match failure.code {
        Code::BadArguments => (StatusCode::UNPROCESSABLE_ENTITY, "wrong"),
        Code::Environment => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        _ => (StatusCode::CONFLICT, "refused"),
    };
    Problem::new(status, slug, failure.to_string())
}

/// How the drill stands, and where everything can be asked.
fn standing(home: &Home, session: &drills::session::Session) -> Value {
    let mut told = status::object(session);
    let url = |run: &RunFile, part: &str| run.url(part).ok().map(str::to_owned);
    told["queries"] = match RunFile::find(home) {
        Ok(run) => json!({
            "prometheus": url(&run, "prometheus"), "loki": url(&run, "loki"), "jaeger": url(&run, "jaeger"),
        }),
        Err(_) => Value::Null,
    };
    told
}

async fn show(State(home): State<Home>) -> Answered {
    let session = Store::of(&home).last().map_err(|e| refused(&e))?;
    Ok(Body(standing(&home, &session)).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Start {
    drill: Option<String>,
    seed: Option<u64>,
    minutes: u32,
    speed: f64,
}

impl Default for Start {
    fn default() -> Self {
        Self { drill: None, seed: None, minutes: 20, speed: 1.0 }
    }
}

async fn start(State(home): State<Home>, Json(asked): Json<Start>) -> Answered {
    let Start { drill, seed, minutes, speed } = asked;
    drill_bounds(minutes, speed).map_err(|why| Problem::unprocessable("wrong", why))?;
    let asked = Asked { id: drill, seed, minutes, speed, participants: vec![NAME.to_owned()] };
    // Carried out whole, whether or not who asked waits.
    let own = home.clone();
    let begun = tokio::spawn(async move { begin(&own, asked).await }).await;
    let broken = |_| Failure::not_good("the drill broke off as it began");
    let (scenario, session) = begun.map_err(broken).flatten().map_err(|e| refused(&e))?;
    let mut told = standing(&home, &session);
    told["brief"] = scenario.brief.into();
    Ok((StatusCode::CREATED, Body(told)).into_response())
}

async fn stop(State(home): State<Home>) -> Answered {
    let session = Store::of(&home).record(Happened::Stopped).map_err(|e| refused(&e))?;
    Ok(Body(standing(&home, &session)).into_response())
}

async fn hints(State(home): State<Home>) -> Answered {
    let (hint, left) = hint(&home, NAME).map_err(|e| refused(&e))?;
    Ok(Body(json!({"hint": hint, "left": left})).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
}

async fn note(State(home): State<Home>, Json(Note { text }): Json<Note>) -> Answered {
    let noted = Happened::Noted { by: NAME.to_owned(), text };
    let session = Store::of(&home).record(noted).map_err(|e| refused(&e))?;
    Ok(Body(standing(&home, &session)).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operate {
    /// What stands behind `firedrill ops`.
    ops: String,
}

async fn operate(State(home): State<Home>, Json(Operate { ops }): Json<Operate>) -> Answered {
    let words: Vec<&str> = ops.split_whitespace().collect();
    let known = words.first().is_some_and(|verb| OPERATIONS.contains(verb));
    if !known || words.iter().any(|word| word.starts_with("--home")) {
        let why = format!(
            "ops: one of {} and what it takes, as in \"rollback order-service\"",
            OPERATIONS.join(", ")
        );
        return Err(Problem::unprocessable("wrong", why));
    }
    let failed = |why: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", why);
    let program = std::env::current_exe().map_err(|e| failed(format!("cannot operate: {e}")))?;
    let mut command = Command::new(program);
    command.arg("ops").args(words).arg("--json").arg("--home").arg(home.path()).env("USER", NAME);
    let output = timeout(OPERATION, command.stdin(Stdio::null()).output()).await;
    let output = output
        .map_err(|_| failed(format!("no answer within {} s", OPERATION.as_secs())))?
        .map_err(|e| failed(format!("cannot operate: {e}")))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let answer: Value =
        said.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    Ok(Body(json!({"exit": output.status.code(), "answer": answer})).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    service: Option<String>,
    operation: Option<String>,
    cause: String,
    evidence: Option<String>,
}

async fn answers(State(home): State<Home>, Json(said): Json<Said>) -> Answered {
    let cause: Cause =
        said.cause.parse().map_err(|e| Problem::unprocessable("wrong", format!("cause: {e}")))?;
    let Said { service, operation, evidence, .. } = said;
    let given = Answer { service, operation, cause: Some(cause), evidence };
    let (session, grade) = give(&home, NAME, given).await.map_err(|e| refused(&e))?;
    Ok(Body(answer::object(&session, &grade)).into_response())
}

async fn causes() -> Response {
    Body(answer::causes_object()).into_response()
}
