//! The two forms of a push, as Loki reads them: JSON, and protobuf after decompression. What their labels and times may be is
//! decided elsewhere.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::labels::Labels;
use crate::logql;

/// Longest text of one stream's labels: as many as there may be, each as long as Loki lets it be.
const MAX_LABELS_BYTES: usize = 64 << 10;

/// A push, whatever way it came.
#[derive(Debug, Default)]
pub(crate) struct Push(pub(super) Vec<(Labels, Vec<Entry>)>);

/// What stands beside a line, in the order that it was sent in, names as often as they came.
pub(super) type Metadata = Vec<(String, String)>;

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Entry {
    pub(super) ts_ns: i64,
    pub(super) line: String,
    pub(super) metadata: Metadata,
}

#[derive(Deserialize)]
struct JsonPush {
    #[serde(default)]
    streams: Option<Vec<JsonStream>>,
}

#[derive(Deserialize)]
struct JsonStream {
    stream: Option<BTreeMap<String, Value>>,
    values: Option<Vec<Option<Entry>>>,
    /// With `entries`, an older form than this path takes.
    labels: Option<IgnoredAny>,
}

/// `[time, line]` or `[time, line, {metadata}]`; a line may be missing.
impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of a time in nanoseconds, a line and perhaps metadata")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entry, A::Error> {
                let ts: String =
                    list.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &"a time and a line"))?;
                let ts_ns = ts.parse().map_err(|_| {
                    de::Error::custom(format_args!("the timestamp {ts:?} is not a number of nanoseconds"))
                })?;
                let line = list.next_element()?.unwrap_or_default();
                let metadata = list.next_element::<Pairs>()?.map(|pairs| pairs.0).unwrap_or_default();
                Ok(Entry { ts_ns, line, metadata })
            }
        }
        deserializer.deserialize_seq(Values)
    }
}

struct Pairs(Metadata);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("metadata, whose values are texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Reads the JSON form.
///
/// # Errors
/// What is wrong, in one line.
pub(crate) fn from_json(bytes: &[u8]) -> Result<Push, String> {
    let push: JsonPush =
        serde_json::from_slice(bytes).map_err(|e| format!("the push body is not valid: {e}"))?;
    let mut streams = Vec::new();
    for stream in push.streams.unwrap_or_default() {
        // Loki answers 204 and stores nothing of it.
        if stream.stream.is_none() && stream.labels.is_some() {
            let form =
                "a stream has `labels` and `entries`; the form that is taken has `stream` and `values`";
            return Err(form.to_owned());
        }
        let mut labels = Vec::new();
        for (name, value) in stream.stream.unwrap_or_default() {
            if !is_label_name(&name) {
                return Err(nameless(&format!("{name:?} is not a label name")));
            }
            let value = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(yes) => yes.to_string(),
                _ => return Err(nameless(&format!("the value of the label {name:?} is not a text"))),
            };
            labels.push((name, value));
        }
        let entries = stream.values.unwrap_or_default().into_iter().flatten().collect();
        streams.push((Labels::new(labels), entries));
    }
    Ok(Push(streams))
}

fn nameless(why: &str) -> String {
    format!("couldn't parse labels: parse error : {why}")
}

fn is_label_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoPush {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<ProtoStream>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoStream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<ProtoEntry>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoEntry {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<ProtoTime>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    structured_metadata: Vec<ProtoPair>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoTime {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// Reads the protobuf form.
///
/// # Errors
/// What is wrong, in one line.
pub(crate) fn from_protobuf(bytes: &[u8]) -> Result<Push, String> {
    let push: ProtoPush =
        prost::Message::decode(bytes).map_err(|e| format!("the push body is not valid: {e}"))?;
    let mut streams = Vec::with_capacity(push.streams.len());
    for stream in push.streams {
        if stream.labels.len() > MAX_LABELS_BYTES {
            return Err(format!("the labels of a stream are longer than {MAX_LABELS_BYTES} bytes"));
        }
        let labels =
            logql::parse_labels(&stream.labels).map_err(|e| format!("couldn't parse labels: {e}"))?;
        if let Some((name, _)) = labels.iter().find(|(name, _)| !is_label_name(name)) {
            return Err(nameless(&format!("{name:?} is not a label name")));
        }
        let entry = |entry: ProtoEntry| {
            let time = entry.timestamp.unwrap_or_default();
            let ts_ns = time.seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(time.nanos));
            let metadata = entry.structured_metadata.into_iter().map(|p| (p.name, p.value)).collect();
            Entry { ts_ns, line: entry.line, metadata }
        };
        streams.push((labels, stream.entries.into_iter().map(entry).collect()));
    }
    Ok(Push(streams))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_make_the_push_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,200}") {
            let _ = from_protobuf(&bytes);
            let _ = from_json(&bytes);
            let _ = from_json(format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["{text}","x"]]}}]}}"#).as_bytes());
        }
    }

    #[test]
    fn an_entry_may_carry_metadata_in_its_order_or_none() {
        let push = from_json(
            br#"{"streams":[{"stream":{"a":"b"},"values":[["1","x"],["2","y",{"k":"v","a":"1","k":"w"}],null]}]}"#,
        )
        .expect("valid");
        let pairs = [("k", "v"), ("a", "1"), ("k", "w")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let entries = &push.0[0].1;
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[1], Entry { ts_ns: 2, line: "y".to_owned(), metadata: pairs.to_vec() });
    }

    #[test]
    fn what_is_no_push_is_refused() {
        for bad in [
            r#"{"streams":[{"labels":"{a=\"b\"}","entries":[{"ts":"2026-01-01T00:00:00Z","line":"x"}]}]}"#,
            r#"{"streams":[{"stream":{"a.b":"c"}}]}"#,
            r#"{"streams":[{"stream":{"a":{}}}]}"#,
            r#"{"streams":[{"stream":{"a":"b"},"values":[[]]}]}"#,
            r#"{"streams":[{"stream":{"a":"b"},"values":[[1,"x"]]}]}"#,
            r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"k":5}]]}]}"#,
            r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x",null]]}]}"#,
        ] {
            assert!(from_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
