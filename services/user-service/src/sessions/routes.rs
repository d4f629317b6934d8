//! `POST /sessions`.

use axum::Json as JsonBody;
use axum::extract::State;
use chassis::clock;
use chassis::extract::Json;
use chassis::problem::{Problem, ProblemBody};
use chassis::text;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::password::{MAX_PASSWORD, Verdict};
use super::store;
use crate::App;
use crate::users::User;

/// Longest address that is looked up, in bytes.
const MAX_EMAIL: usize = 254;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_session))
}

/// A login.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Login {
    #[schema(example = "alice@example.com", max_length = 254)]
    email: String,
    #[schema(example = "correct-horse", max_length = 256)]
    password: String,
}

/// A session.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Session {
    /// The signed token.
    pub token: String,
    /// Who logged in.
    pub user: User,
    /// When the token ends, RFC 3339.
    pub expires_at: String,
}

/// Checks a password and answers with a signed token.
#[utoipa::path(post, path = "/sessions", tag = "sessions", request_body = Login, responses(
    (status = 201, body = Session),
    (status = 400, description = "The body is no JSON", body = ProblemBody),
    (status = 401, description = "Address and password do not fit", body = ProblemBody),
    (status = 408, description = "The body came too slowly", body = ProblemBody),
    (status = 413, description = "The body is too large", body = ProblemBody),
    (status = 415, description = "The body is not declared as JSON", body = ProblemBody),
    (status = 422, description = "A field is missing or has a wrong type", body = ProblemBody),
    (status = 500, description = "The database failed", body = ProblemBody),
    (status = 503, description = "Too many logins at the same time, or no database", body = ProblemBody),
))]
async fn create_session(
    State(app): State<App>,
    Json(login): Json<Login>,
) -> Result<(StatusCode, JsonBody<Session>), Problem> {
    if login.email.len() > MAX_EMAIL || login.password.len() > MAX_PASSWORD {
        let detail = format!("email: at most {MAX_EMAIL} bytes; password: at most {MAX_PASSWORD}");
        return Err(Problem::unprocessable("too-long", detail));
    }
    // A password is compared byte by byte and stored nowhere: it may hold anything.
    text::check("email", &login.email).map_err(|error| Problem::unprocessable("control-character", error))?;
    let (user, hash) = store::by_email(&app.database, &login.email).await?.unzip();
    let verdict = app.sessions.checker.check(login.password, hash.clone()).await.map_err(|_| {
        app.sessions.count("overloaded");
        Problem::unavailable("overloaded", "too many logins at the same time", 1)
    })?;
    let (Some(user), Some(hash), Verdict::Right(new_hash)) = (user, hash, verdict) else {
        app.sessions.count("refused");
        tracing::info!("session refused");
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "bad-credentials",
            "email and password do not fit",
        ));
    };
    if let Some(new_hash) = new_hash {
        store::set_hash(&app.database, user.id, &hash, &new_hash).await?;
        tracing::info!(user.id = user.id, "password hash renewed");
    }
    let (token, expires) = app.sessions.signer.sign(user.id, clock::now_ms());
    app.sessions.count("created");
    tracing::info!(user.id = user.id, "session created");
    let session = Session { token, user, expires_at: clock::rfc3339(expires) };
    Ok((StatusCode::CREATED, JsonBody(session)))
}
