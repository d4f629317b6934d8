//! What Prometheus answers: vectors, matrices, scalars, strings, exemplars.
//!
//! Native histograms have no place in these types: such samples are left out, and a warning says how many.

use super::value::parse_value;
use crate::{Labels, UnixNanos};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// The value of an expression, and what the server had to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The value.
    pub data: Data,
    /// Warnings and notes (`infos`) of the server.
    pub warnings: Vec<String>,
}

/// The four kinds of values of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// One value per series, all of one moment.
    Vector(Vec<Sample>),
    /// Several values per series.
    Matrix(Vec<Series>),
    /// One number.
    Scalar(Point),
    /// A string literal.
    String(String),
}

impl Data {
    /// The samples of a vector; a scalar is one sample without labels; nothing for the other kinds.
    #[must_use]
    pub fn into_samples(self) -> Vec<Sample> {
        match self {
            Self::Vector(samples) => samples,
            Self::Scalar(point) => vec![Sample { labels: Labels::new(), point }],
            Self::Matrix(_) | Self::String(_) => Vec::new(),
        }
    }

    /// The series of a matrix; nothing for the other kinds.
    #[must_use]
    pub fn into_series(self) -> Vec<Series> {
        match self {
            Self::Matrix(series) => series,
            _ => Vec::new(),
        }
    }
}

/// A value and its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When, to the millisecond.
    pub time: UnixNanos,
    /// What: any `f64`, also `NaN` and the infinities.
    pub value: f64,
}

/// One series' value at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The series.
    pub labels: Labels,
    /// Its value.
    pub point: Point,
}

/// One series' values over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The series.
    pub labels: Labels,
    /// Its values, in order of time.
    pub points: Vec<Point>,
}

/// The exemplars of one series.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExemplarSeries {
    /// The series they were measured for.
    pub series_labels: Labels,
    /// In order of time.
    pub exemplars: Vec<Exemplar>,
}

/// One measurement with labels of its own, most of all `trace_id` and `span_id`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Exemplar {
    /// The labels.
    pub labels: Labels,
    /// The measured value.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// When.
    #[serde(rename = "timestamp", deserialize_with = "seconds")]
    pub time: UnixNanos,
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (time, value) = <(f64, String)>::deserialize(deserializer)?;
        let value =
            parse_value(&value).ok_or_else(|| de::Error::custom(format!("not a sample value: {value:?}")))?;
        Ok(Self { time: UnixNanos::from_secs_f64(time), value })
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_value(&text).ok_or_else(|| de::Error::custom(format!("not a value: {text:?}")))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixNanos, D::Error> {
    f64::deserialize(deserializer).map(UnixNanos::from_secs_f64)
}

#[derive(Deserialize)]
struct Body {
    data: BodyData,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum BodyData {
    Vector(Vec<Element>),
    Matrix(Vec<Element>),
    Scalar(Point),
    String((f64, String)),
    // Loki's kind; named so that an answer of the wrong server is told as such.
    Streams(de::IgnoredAny),
}

#[derive(Deserialize)]
struct Element {
    metric: Labels,
    value: Option<Point>,
    #[serde(default)]
    values: Vec<Point>,
    histogram: Option<de::IgnoredAny>,
    #[serde(default)]
    histograms: Vec<de::IgnoredAny>,
}

/// Reads the body of an answer; Loki gives those of metric queries in the same form.
pub(super) fn parse(mut body: Value) -> Result<Answer, String> {
    // Loki puts its statistics beside the result, which a tagged enum does not take.
    if let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) {
        data.retain(|key, _| key == "resultType" || key == "result");
    }
    let body: Body = serde_json::from_value(body).map_err(|e| e.to_string())?;
    let mut warnings = body.warnings;
    warnings.extend(body.infos);
    let mut histograms = 0;
    let data = match body.data {
        BodyData::Vector(elements) => {
            let mut samples = Vec::with_capacity(elements.len());
            for element in elements {
                histograms += usize::from(element.histogram.is_some());
                samples.extend(element.value.map(|point| Sample { labels: element.metric, point }));
            }
            Data::Vector(samples)
        }
        BodyData::Matrix(elements) => {
            let mut series = Vec::with_capacity(elements.len());
            for element in elements {
                histograms += element.histograms.len();
                series.push(Series { labels: element.metric, points: element.values });
            }
            Data::Matrix(series)
        }
        BodyData::Scalar(point) => Data::Scalar(point),
        BodyData::String((_, text)) => Data::String(text),
        BodyData::Streams(_) => return Err("log lines, not values".to_owned()),
    };
    if histograms > 0 {
        warnings.push(format!("{histograms} native histogram samples are left out"));
    }
    Ok(Answer { data, warnings })
}
