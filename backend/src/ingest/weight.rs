//! What a request's items will take in memory once they are decoded, told before they are: two bytes can be a span of
//! hundreds. Counts structures alone: texts take no more than they do in the request. What the structures are is said
//! next door.

mod json;
pub(crate) mod shapes;

use super::body::BodyError;
use super::wire::{Field, Read, each};

/// As deep as messages may stand in each other; the decoders go no deeper either.
const DEPTH: usize = 100;

/// What is known of one kind of message.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Bytes that one takes in memory.
    bytes: usize,
    /// The fields that hold other things: number, name in JSON, what they hold.
    fields: &'static [(u64, &'static str, Holds)],
    /// Whether JSON has it as a list of its fields, by number.
    is_row: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
enum Holds {
    /// One message, which takes its room within the one it is in.
    One(&'static Shape),
    /// Messages; in JSON pairs of them may be an object.
    Many(&'static Shape),
    /// Texts.
    Texts,
    /// Numbers of eight bytes each that are at least so long on the wire.
    Numbers(usize),
}

/// The bytes counted so far.
#[derive(Debug)]
struct Sum {
    bytes: usize,
    most: usize,
}

impl Sum {
    fn add(&mut self, bytes: usize) -> Read<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.most { Err("it takes too much memory") } else { Ok(()) }
    }

    fn done(self, read: Result<(), String>) -> Result<usize, BodyError> {
        match read {
            _ if self.bytes > self.most => Err(BodyError::TooMuch(self.most)),
            Ok(()) => Ok(self.bytes),
            Err(what) => Err(BodyError::Malformed(what)),
        }
    }
}

/// What a message takes besides its texts, in protobuf.
///
/// # Errors
/// [`BodyError::TooMuch`] beyond `most` bytes, [`BodyError::Malformed`] for what is no message.
pub(crate) fn of_protobuf(shape: &'static Shape, bytes: &[u8], most: usize) -> Result<usize, BodyError> {
    let mut sum = Sum { bytes: 0, most };
    let read = message(shape, bytes, &mut sum, DEPTH);
    sum.done(read.map_err(str::to_owned))
}

/// What a message takes besides its texts, in JSON.
///
/// # Errors
/// As of [`of_protobuf`].
pub(crate) fn of_json(shape: &'static Shape, bytes: &[u8], most: usize) -> Result<usize, BodyError> {
    let mut sum = Sum { bytes: 0, most };
    let read = json::message(shape, bytes, &mut sum);
    sum.done(read.map_err(|e| e.to_string()))
}

fn message(shape: &Shape, bytes: &[u8], sum: &mut Sum, depth: usize) -> Read<()> {
    if shape.fields.is_empty() {
        return Ok(());
    }
    let depth = depth.checked_sub(1).ok_or("messages within messages are too deep")?;
    each(bytes, |tag, value| {
        let Some((.., holds)) = shape.fields.iter().find(|(known, ..)| *known == tag) else { return Ok(()) };
        match *holds {
            Holds::One(inner) => message(inner, value.bytes()?, sum, depth),
            Holds::Many(inner) => {
                sum.add(inner.bytes)?;
                message(inner, value.bytes()?, sum, depth)
            }
            Holds::Texts => sum.add(size_of::<String>()),
            Holds::Numbers(width) => match value {
                Field::Bytes(packed) => sum.add(packed.len() / width * size_of::<u64>()),
                _ => sum.add(size_of::<u64>()),
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::shapes::{METRICS, SPANS};
    use super::*;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::KeyValue;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
    use proptest::prelude::*;
    use prost::Message as _;

    fn spans(spans: usize, attributes: usize, events: usize) -> ExportTraceServiceRequest {
        let attributes = vec![KeyValue::default(); attributes];
        let events = vec![span::Event { attributes: attributes.clone(), ..Default::default() }; events];
        let spans = vec![Span { attributes, events, ..Span::default() }; spans];
        let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
        }
    }

    proptest! {
        #[test]
        fn both_encodings_weigh_what_the_structures_take(s in 0usize..20, a in 0usize..5, e in 0usize..5) {
            let request = spans(s, a, e);
            let own = size_of::<ResourceSpans>() + size_of::<ScopeSpans>();
            let each = size_of::<Span>() + a * size_of::<KeyValue>()
                + e * (size_of::<span::Event>() + a * size_of::<KeyValue>());
            let text = serde_json::to_vec(&request).expect("JSON");
            let most = own + s * each;
            prop_assert_eq!(of_protobuf(&SPANS, &request.encode_to_vec(), most), Ok(most));
            prop_assert_eq!(of_json(&SPANS, &text, most), Ok(most));
            prop_assert_eq!(of_protobuf(&SPANS, &request.encode_to_vec(), most - 1), Err(BodyError::TooMuch(most - 1)));
            prop_assert_eq!(of_json(&SPANS, &text, most - 1), Err(BodyError::TooMuch(most - 1)));
        }

        #[test]
        fn nothing_is_refused_that_the_decoder_takes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for shape in [&SPANS, &METRICS] {
                let _ = of_protobuf(shape, &bytes, 1000);
                let _ = of_json(shape, &bytes, 1000);
            }
            // Groups are refused here and passed over there.
            let groups = bytes.iter().any(|b| matches!(b & 7, 3 | 4));
            if !groups && of_protobuf(&SPANS, &bytes, usize::MAX).is_err() {
                prop_assert!(ExportTraceServiceRequest::decode(&bytes[..]).is_err());
            }
        }
    }

    #[test]
    fn packed_numbers_weigh_what_they_become() {
        // resource_metrics > scope_metrics > metrics > exponential_histogram > data_points > positive > bucket_counts
        let mut message = vec![1; 100];
        for tag in [2, 8, 1, 10, 2, 2, 1] {
            message = [&[tag << 3 | 2, message.len() as u8][..], &message].concat();
        }
        assert!(ExportMetricsServiceRequest::decode(&message[..]).is_ok());
        let Ok(weight) = of_protobuf(&METRICS, &message, 10_000) else { panic!("not weighed") };
        assert!((800..2000).contains(&weight), "{weight}");
    }
}
