//! One request of a plan, sent. The client's limits bound its time and size, and its errors name what was asked.

use query::{Error, Stack, Window, loki::Answer, prometheus::Data};

use crate::dashboards::plan::Ask;

/// How much came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// So many series, lines or traces.
    Something,
    /// An answer without any.
    Nothing,
    /// Numbers of which none is one: `NaN` throughout.
    NotANumber,
}

impl Came {
    fn of(count: usize) -> Self {
        if count == 0 { Self::Nothing } else { Self::Something }
    }
}

/// Sends one request.
pub(super) async fn ask(stack: &Stack, ask: &Ask, window: Window) -> Result<Came, Error> {
    let prometheus = &stack.prometheus;
    Ok(match ask {
        Ask::Instant { expr } => numbers(&prometheus.instant(expr, Some(window.end)).await?.data),
        Ask::Range { expr, window, step } => numbers(&prometheus.range(expr, *window, *step).await?.data),
        Ask::Exemplars { expr } => {
            Came::of(prometheus.exemplars(expr, window).await?.iter().map(|s| s.exemplars.len()).sum())
        }
        Ask::LogRange { expr, step, limit } => lines(&stack.loki.range(expr, window, *step, *limit).await?),
        Ask::LogInstant { expr, limit } => lines(&stack.loki.instant(expr, window.end, *limit).await?),
        Ask::Search(search) => Came::of(stack.jaeger.search(search).await?.len()),
        Ask::Trace(id) => match id.parse() {
            Ok(id) => Came::of(stack.jaeger.trace(id).await?.spans.len()),
            // Grafana sends whatever stands there, and Jaeger answers as to an unknown trace.
            Err(_) => Came::Nothing,
        },
        Ask::Dependencies => Came::of(stack.jaeger.dependencies(window).await?.len()),
    })
}

fn lines(answer: &Answer) -> Came {
    match answer {
        Answer::Lines(lines) => Came::of(lines.len()),
        Answer::Numbers(data) => numbers(data),
    }
}

fn numbers(data: &Data) -> Came {
    let values: Vec<f64> = match data {
        Data::Vector(samples) => samples.iter().map(|s| s.point.value).collect(),
        Data::Matrix(series) => series.iter().flat_map(|s| s.points.iter().map(|p| p.value)).collect(),
        Data::Scalar(point) => vec![point.value],
        Data::String(_) => return Came::Something,
    };
    match values.iter().all(|v| v.is_nan()) {
        true if values.is_empty() => Came::Nothing,
        true => Came::NotANumber,
        false => Came::Something,
    }
}

#[cfg(test)]
mod tests {
    use query::{
        Labels, UnixNanos,
        prometheus::{Point, Sample},
    };

    use super::*;

    #[test]
    fn not_a_number_is_not_taken_for_data() {
        let vector = |values: &[f64]| {
            let sample = |value: &f64| Sample {
                labels: Labels::new(),
                point: Point { time: UnixNanos(0), value: *value },
            };
            numbers(&Data::Vector(values.iter().map(sample).collect()))
        };
        assert_eq!(vector(&[]), Came::Nothing);
        assert_eq!(vector(&[f64::NAN, f64::NAN]), Came::NotANumber);
        assert_eq!(vector(&[f64::NAN, 0.0]), Came::Something);
    }
}
