//! Prometheus' remote write 1.0: `POST /api/v1/write`, a snappy block of protobuf. The status codes are the original's, since
//! senders decide by them whether to try again. Version 2 is not taken, and senders fall back on being told so.

pub(crate) mod request;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};

use super::body::{self, BodyError};
use super::count_bad;
use crate::Backend;
use crate::labels::NAME;
use crate::stats::add;
use crate::store::samples::{Appender, Exemplar, MAX_CHARS, Metadata, Refused};
use request::{Series, each_family, each_series};

const PROTOBUF: &str = "application/x-protobuf";
const VERSION_1: &str = "prometheus.WriteRequest";

/// Most bytes of a request that is read where it came in; larger ones are read off the threads that serve sockets.
const SMALL: usize = 256 << 10;
/// Most series of one request.
const MAX_SERIES: usize = 500_000;

/// Why a request was refused: a status and a line of text.
type Refusal = (StatusCode, String);

/// `POST /api/v1/write`.
pub(crate) async fn handle(State(backend): State<Arc<Backend>>, headers: HeaderMap, body: Body) -> Response {
    let signal = &backend.stats.samples;
    let taken: Result<Done, Refusal> = async {
        accepts(&headers)?;
        let limit = backend.config.limits.body_bytes;
        let packed = body::read_raw(&backend.bodies, body, limit).await.map_err(|e| refusal(&e))?;
        let unpacked = body::unsnappy(packed).await.map_err(|e| match e {
            BodyError::TooLarge(limit) => {
                (StatusCode::BAD_REQUEST, format!("decoded size exceeds the {limit} bytes limit"))
            }
            other => refusal(&other),
        })?;
        let stored = if unpacked.as_ref().len() <= SMALL {
            store(&backend, unpacked.as_ref())
        } else {
            let backend = Arc::clone(&backend);
            let storing = tokio::task::spawn_blocking(move || store(&backend, unpacked.as_ref()));
            storing.await.unwrap_or(Err("it could not be read"))
        };
        stored.map_err(|e| (StatusCode::BAD_REQUEST, e.to_owned()))
    }
    .await;
    match taken {
        Ok(done) => {
            add(&signal.ingested, done.stored);
            add(&signal.refused, done.refused);
            match done.complaint {
                None => StatusCode::NO_CONTENT.into_response(),
                Some(complaint) => (StatusCode::BAD_REQUEST, format!("{complaint}\n")).into_response(),
            }
        }
        Err((StatusCode::SERVICE_UNAVAILABLE, message)) => {
            add(&signal.busy_requests, 1);
            let after = [(header::RETRY_AFTER, "1")];
            (StatusCode::SERVICE_UNAVAILABLE, after, message + "\n").into_response()
        }
        Err((status, message)) => {
            count_bad(&signal.bad_requests);
            (status, message + "\n").into_response()
        }
    }
}

fn refusal(error: &BodyError) -> Refusal {
    let status = match error {
        BodyError::TooLarge(_) | BodyError::TooMuch(_) => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::TooMany => StatusCode::SERVICE_UNAVAILABLE,
        BodyError::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        BodyError::Malformed(_) => StatusCode::BAD_REQUEST,
    };
    (status, error.to_string())
}

/// Whether the headers announce what is taken here.
fn accepts(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).map(|v| v.to_str().unwrap_or("?").trim());
    let refuse = |message| Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    match text(header::CONTENT_ENCODING) {
        None | Some("" | "snappy") => {}
        Some(other) => {
            return refuse(format!(
                "{other} encoding (compression) is not accepted by this server; only snappy is acceptable"
            ));
        }
    }
    let content_type = text(header::CONTENT_TYPE).filter(|t| !t.is_empty()).unwrap_or(PROTOBUF);
    let mut parts = content_type.split(';');
    if parts.next() != Some(PROTOBUF) {
        return refuse(format!(
            "expected {PROTOBUF} as the first (media) part, got {content_type} content-type"
        ));
    }
    for part in parts {
        match part.split('=').collect::<Vec<_>>()[..] {
            ["proto", VERSION_1] => return Ok(()),
            ["proto", other] => {
                return refuse(format!(
                    "{other} protobuf message is not accepted by this server; only accepts {VERSION_1}"
                ));
            }
            [_, _] => {}
            _ => {
                return refuse(format!(
                    "expected parameters to be key-values, got {part} in {content_type} content-type"
                ));
            }
        }
    }
    Ok(())
}

/// What became of a request's samples.
#[derive(Debug, Default)]
struct Done {
    stored: usize,
    refused: usize,
    /// What the sender is told, with a status that keeps it from sending the same again.
    complaint: Option<String>,
}

impl Done {
    fn refuse(&mut self, n: usize, why: impl FnOnce() -> String) {
        self.refused += n;
        if self.complaint.is_none() {
            self.complaint = Some(why());
        }
    }
}

/// Stores all of a request or, when any sample comes too late, nothing of it. Nothing either of one that is malformed.
fn store(backend: &Backend, bytes: &[u8]) -> Result<Done, &'static str> {
    let mut appender = backend.store.samples.appender();
    // The series as far as they are known, and whether each can be one at all.
    let mut known: Vec<(Option<u32>, bool)> = Vec::new();
    let (mut samples, mut late) = (0, None);
    each_series(bytes, |series| {
        if known.len() == MAX_SERIES {
            return Err("the request has too many series");
        }
        let valid = sort(series);
        let id = if valid { appender.find(series.labels.iter().copied()) } else { None };
        if valid && late.is_none() {
            late = series.samples.iter().find_map(|s| appender.check(id, s.t, s.v).err());
        }
        samples += series.samples.len();
        known.push((id, valid));
        Ok(())
    })?;
    if let Some(refused) = late {
        return Ok(Done { stored: 0, refused: samples, complaint: Some(refused.reason().to_owned()) });
    }
    let mut done = Done::default();
    let mut known = known.into_iter();
    each_series(bytes, |series| {
        match known.next() {
            Some((id, true)) => {
                sort(series);
                append(&mut appender, series, id, &mut done);
            }
            // As the original does: counted, and the rest is taken.
            _ => done.refused += series.samples.len(),
        }
        Ok(())
    })?;
    each_family(bytes, |family| {
        let own = |text: &str| text.to_owned();
        let metadata = Metadata { kind: own(family.kind), help: own(family.help), unit: own(family.unit) };
        appender.describe(family.name, metadata);
    })?;
    Ok(done)
}

fn append(appender: &mut Appender<'_>, series: &Series<'_>, mut id: Option<u32>, done: &mut Done) {
    for sample in &series.samples {
        let stored = match id {
            Some(id) => appender.append_to(id, sample.t, sample.v).map(|()| id),
            None => appender.append_pairs(series.labels.iter().copied(), sample.t, sample.v),
        };
        match stored {
            Ok(stored) => {
                done.stored += 1;
                id = Some(stored);
            }
            Err(Refused::TooManySeries) => {
                done.refuse(1, || Refused::TooManySeries.reason().to_owned());
            }
            // Not in order within the request: the original leaves such a sample out without a word.
            Err(_) => done.refused += 1,
        }
    }
    for exemplar in &series.exemplars {
        let chars: usize = exemplar.labels.iter().map(|(k, v)| k.chars().count() + v.chars().count()).sum();
        if let Some(id) = id.filter(|_| chars <= MAX_CHARS) {
            let labels = crate::labels::Labels::new(exemplar.labels.iter().copied());
            appender.exemplar(id, Exemplar { labels, value: exemplar.sample.v, t: exemplar.sample.t });
        }
    }
    if series.histograms > 0 {
        done.refuse(series.histograms, || "native histograms are not supported".to_owned());
    }
}

/// Sorts a series' labels and drops empty ones; `false` when they are not those of a series.
fn sort(series: &mut Series<'_>) -> bool {
    let labels = &mut series.labels;
    labels.retain(|(_, value)| !value.is_empty());
    if !labels.is_sorted_by_key(|(name, _)| *name) {
        labels.sort_unstable();
    }
    let distinct = labels.windows(2).all(|pair| pair[0].0 != pair[1].0);
    distinct
        && !series.unreadable
        && labels.iter().all(|(name, _)| !name.is_empty())
        && labels.iter().any(|(name, _)| *name == NAME)
}
