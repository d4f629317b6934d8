//! Reads a remote write request without copying its texts, one series after the other: a request repeats all labels of
//! thousands of series, and making strings of them would cost more than storing the samples. A few bytes may claim a
//! great many things, so each kind is bounded. Only the fields that are used are known.

use crate::ingest::wire::{Read, each};
use crate::store::samples::Sample;

/// Most labels, exemplars and samples of one series in one request.
const MAX_LABELS: usize = 1000;
const MAX_EXEMPLARS: usize = 1000;
const MAX_SAMPLES: usize = 1_000_000;

/// `prometheus.TimeSeries`.
#[derive(Debug, Default)]
pub(crate) struct Series<'b> {
    pub(crate) labels: Vec<(&'b str, &'b str)>,
    /// Whether the name or the value of a label, which is not among them, is not UTF-8.
    pub(crate) unreadable: bool,
    pub(crate) samples: Vec<Sample>,
    pub(crate) exemplars: Vec<Exemplar<'b>>,
    /// How many native histograms it has, which are not read.
    pub(crate) histograms: usize,
}

/// `prometheus.Exemplar`.
#[derive(Debug)]
pub(crate) struct Exemplar<'b> {
    pub(crate) labels: Vec<(&'b str, &'b str)>,
    pub(crate) sample: Sample,
}

/// `prometheus.MetricMetadata`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Family<'b> {
    pub(crate) name: &'b str,
    pub(crate) kind: &'static str,
    pub(crate) help: &'b str,
    pub(crate) unit: &'b str,
}

/// `prometheus.MetricMetadata.MetricType`, by number.
const TYPES: [&str; 8] =
    ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"];

/// Calls `f` with each series of a `prometheus.WriteRequest`.
///
/// # Errors
/// What is wrong with it, in a few words; or what `f` says.
pub(crate) fn each_series<'b>(bytes: &'b [u8], mut f: impl FnMut(&mut Series<'b>) -> Read<()>) -> Read<()> {
    let mut series = Series::default();
    each(bytes, |field, value| {
        if field == 1 {
            series.read(value.bytes()?)?;
            f(&mut series)?;
        }
        Ok(())
    })
}

/// Calls `f` with the metadata of each family of a `prometheus.WriteRequest`.
///
/// # Errors
/// What is wrong with it, in a few words.
pub(crate) fn each_family<'b>(bytes: &'b [u8], mut f: impl FnMut(Family<'b>)) -> Read<()> {
    each(bytes, |field, value| {
        if field == 3 {
            f(family(value.bytes()?)?);
        }
        Ok(())
    })
}

impl<'b> Series<'b> {
    /// Becomes the series that the bytes are.
    fn read(&mut self, bytes: &'b [u8]) -> Read<()> {
        self.labels.clear();
        self.unreadable = false;
        self.samples.clear();
        self.exemplars.clear();
        self.histograms = 0;
        each(bytes, |field, value| {
            match field {
                1 if self.labels.len() == MAX_LABELS => return Err("a series has too many labels"),
                1 => match pair(value.bytes()?)? {
                    Some(pair) => self.labels.push(pair),
                    None => self.unreadable = true,
                },
                2 if self.samples.len() == MAX_SAMPLES => return Err("a series has too many samples"),
                2 => self.samples.push(sample(value.bytes()?, 1, 2)?),
                3 if self.exemplars.len() < MAX_EXEMPLARS => self.exemplars.push(exemplar(value.bytes()?)?),
                4 => self.histograms += 1,
                _ => {}
            }
            Ok(())
        })
    }
}

/// A label's name and value; none where they are not UTF-8.
fn pair(bytes: &[u8]) -> Read<Option<(&str, &str)>> {
    let (mut name, mut text) = (&[][..], &[][..]);
    each(bytes, |field, value| {
        match field {
            1 => name = value.bytes()?,
            2 => text = value.bytes()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(std::str::from_utf8(name).ok().zip(std::str::from_utf8(text).ok()))
}

fn sample(bytes: &[u8], value_field: u64, time_field: u64) -> Read<Sample> {
    let mut sample = Sample { t: 0, v: 0.0 };
    each(bytes, |field, value| {
        if field == value_field {
            sample.v = f64::from_bits(value.fixed()?);
        } else if field == time_field {
            sample.t = value.number()? as i64;
        }
        Ok(())
    })?;
    Ok(sample)
}

fn exemplar(bytes: &[u8]) -> Read<Exemplar<'_>> {
    let mut labels = Vec::new();
    each(bytes, |field, value| {
        if field == 1 && labels.len() < MAX_LABELS {
            labels.extend(pair(value.bytes()?)?);
        }
        Ok(())
    })?;
    Ok(Exemplar { labels, sample: sample(bytes, 2, 3)? })
}

fn family(bytes: &[u8]) -> Read<Family<'_>> {
    let mut found = Family { name: "", kind: TYPES[0], help: "", unit: "" };
    each(bytes, |field, value| {
        match field {
            1 => {
                let number = usize::try_from(value.number()?).unwrap_or(usize::MAX);
                found.kind = TYPES.get(number).copied().unwrap_or(TYPES[0]);
            }
            2 => found.name = value.text()?,
            4 => found.help = value.text()?,
            5 => found.unit = value.text()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    struct Label {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        value: String,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Point {
        #[prost(double, tag = "1")]
        value: f64,
        #[prost(int64, tag = "2")]
        timestamp: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        samples: Vec<Point>,
        /// Of a later version of the message.
        #[prost(fixed32, tag = "99")]
        unknown: u32,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Request {
        #[prost(message, repeated, tag = "1")]
        series: Vec<TimeSeries>,
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(sent in proptest::collection::vec(
            (proptest::collection::vec(("\\PC{0,9}", "\\PC{0,9}"), 0..5), proptest::collection::vec((any::<f64>(), any::<i64>()), 0..5)), 0..5,
        )) {
            let series = sent.iter().map(|(labels, samples)| TimeSeries {
                labels: labels.iter().map(|(name, value)| Label { name: name.clone(), value: value.clone() }).collect(),
                samples: samples.iter().map(|(value, timestamp)| Point { value: *value, timestamp: *timestamp }).collect(),
                unknown: 7,
            });
            let bytes = Request { series: series.collect() }.encode_to_vec();
            let mut read = Vec::new();
            each_series(&bytes, |series| {
                read.push(std::mem::take(series));
                Ok(())
            }).expect("valid");
            prop_assert_eq!(read.len(), sent.len());
            for (read, (labels, samples)) in read.iter().zip(&sent) {
                let labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                prop_assert_eq!(&read.labels, &labels);
                // The writer leaves out a zero, whichever its sign.
                let bits = |v: f64, t: i64| ((v + 0.0).to_bits(), t);
                let got: Vec<_> = read.samples.iter().map(|s| bits(s.v, s.t)).collect();
                prop_assert_eq!(got, samples.iter().map(|(v, t)| bits(*v, *t)).collect::<Vec<_>>());
            }
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = each_series(&bytes, |_| Ok(()));
            let _ = each_family(&bytes, |_| {});
        }
    }

    #[test]
    fn a_request_that_breaks_off_is_refused() {
        let labels = vec![Label { name: "a".to_owned(), value: "b".to_owned() }];
        let series =
            vec![TimeSeries { labels, samples: vec![Point { value: 1.0, timestamp: 5 }], unknown: 0 }];
        let bytes = Request { series }.encode_to_vec();
        for end in 1..bytes.len() {
            assert!(each_series(&bytes[..end], |_| Ok(())).is_err(), "{end}");
        }
    }

    #[test]
    fn a_few_bytes_cannot_claim_a_great_many_things() {
        let labels = [0x0a, 0x00].repeat(MAX_LABELS + 1);
        let length = [0x80 | (labels.len() & 0x7f) as u8, (labels.len() >> 7) as u8];
        let request = [&[0x0a][..], &length, &labels].concat();
        assert_eq!(each_series(&request, |_| Ok(())), Err("a series has too many labels"));
    }
}
