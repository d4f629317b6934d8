//! The text formats that targets answer: OpenMetrics 1.0 and Prometheus 0.0.4. Pure: text in, samples out.
//! Names that have other characters than the format's own stand in quotes, that of the metric within the braces.

use crate::labels::{Labels, NAME};
use crate::number;
use crate::store::samples::{Exemplar, MAX_CHARS, Metadata};

/// Which of the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    OpenMetrics,
    Prometheus,
}

/// A line that holds a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parsed {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    /// Milliseconds; `None` when the target leaves it to the scraper.
    pub(crate) t: Option<i64>,
    /// Its `t` is 0 when the target gave none.
    pub(crate) exemplar: Option<Exemplar>,
}

/// A whole answer.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    pub(crate) samples: Vec<Parsed>,
    pub(crate) metadata: Vec<(String, Metadata)>,
}

/// Reads an answer.
///
/// # Errors
/// The first line that is not valid, with its number; a whole answer is refused, as Prometheus does.
pub(crate) fn parse(text: &str, format: Format) -> Result<Exposition, String> {
    let mut out = Exposition::default();
    let mut ended = false;
    // Of the last family that told one.
    let mut kind = String::new();
    for (i, line) in text.lines().enumerate() {
        let at = |e: &str| format!("line {}: {e}", i + 1);
        if ended && !line.trim().is_empty() {
            return Err(at("data after # EOF"));
        }
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix('#') {
            ended |= format == Format::OpenMetrics && comment.trim() == "EOF";
            let comment = comment.trim_start();
            note(&mut out.metadata, comment);
            if let Some((_, told)) = out.metadata.last().filter(|_| comment.starts_with("TYPE")) {
                kind.clone_from(&told.kind);
            }
            continue;
        }
        let mut sample = parse_sample(line, format).map_err(|e| at(&e))?;
        normalise_bounds(&kind, &mut sample.labels);
        out.samples.push(sample);
    }
    if format == Format::OpenMetrics && !ended {
        return Err("data does not end with # EOF".to_owned());
    }
    Ok(out)
}

fn note(metadata: &mut Vec<(String, Metadata)>, comment: &str) {
    let Some((what, rest)) = comment.split_once([' ', '\t']) else { return };
    let (name, rest) = family(rest);
    if !matches!(what, "HELP" | "TYPE" | "UNIT") {
        return;
    }
    if metadata.last().is_none_or(|(last, _)| last != name) {
        let unknown = Metadata { kind: "unknown".to_owned(), help: String::new(), unit: String::new() };
        metadata.push((name.to_owned(), unknown));
    }
    if let Some((_, entry)) = metadata.last_mut() {
        match what {
            "HELP" => entry.help = rest.replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\"),
            "TYPE" => {
                entry.kind = if rest == "untyped" { "unknown".to_owned() } else { rest.trim().to_owned() }
            }
            _ => entry.unit = rest.to_owned(),
        }
    }
}

/// The name of a family, which may stand in quotes, and what follows.
fn family(text: &str) -> (&str, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        return text.split_once([' ', '\t']).unwrap_or((text, ""));
    };
    let mut escaped = false;
    let is_end = |c: char| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    };
    let Some(end) = quoted.find(is_end) else { return ("", "") };
    (&quoted[..end], quoted[end + 1..].strip_prefix([' ', '\t']).unwrap_or_default())
}

/// `le="5"` and `le="5.0"` are one bucket: both are kept as `5.0`.
fn normalise_bounds(kind: &str, labels: &mut [(String, String)]) {
    let bound = match kind {
        "histogram" => "le",
        "summary" => "quantile",
        _ => return,
    };
    for (_, value) in labels.iter_mut().filter(|(name, _)| name == bound) {
        // Digits that say more than a number can hold stay as they are.
        let overflows = |v: f64| v.is_infinite() && value.contains(|c: char| c.is_ascii_digit());
        if let Some(v) = value.parse().ok().filter(|v| !overflows(*v)) {
            *value = number::bound(v);
        }
    }
}

fn parse_sample(line: &str, format: Format) -> Result<Parsed, String> {
    let (body, exemplar) = match format {
        Format::OpenMetrics => split_exemplar(line),
        Format::Prometheus => (line, None),
    };
    let (labels, rest) = parse_series(body)?;
    let mut words = rest.split_ascii_whitespace();
    let value = parse_float(words.next().ok_or("no value")?)?;
    let t = words.next().map(|w| parse_time(w, format)).transpose()?;
    if words.next().is_some() {
        return Err("unexpected text after the sample".to_owned());
    }
    let exemplar = exemplar.map(parse_exemplar).transpose()?.flatten();
    Ok(Parsed { labels, value, t, exemplar })
}

/// Splits at ` # ` outside quotes.
fn split_exemplar(line: &str) -> (&str, Option<&str>) {
    let (mut quoted, mut escaped) = (false, false);
    for (i, b) in line.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'#' if !quoted => return (&line[..i], Some(line[i + 1..].trim())),
            _ => {}
        }
    }
    (line, None)
}

fn parse_exemplar(text: &str) -> Result<Option<Exemplar>, String> {
    let inner = text.strip_prefix('{').ok_or("an exemplar without labels")?;
    let (labels, name, rest) = parse_labels(inner)?;
    if name.is_some() {
        return Err("a label without a value".to_owned());
    }
    let mut words = rest.split_ascii_whitespace();
    let value = parse_float(words.next().ok_or("an exemplar without value")?)?;
    let t = words.next().map(|w| parse_time(w, Format::OpenMetrics)).transpose()?.unwrap_or(0);
    // Too long: the exemplar is dropped, the sample stays, as in Prometheus.
    let chars: usize = labels.iter().map(|(k, v)| k.chars().count() + v.chars().count()).sum();
    Ok((chars <= MAX_CHARS).then(|| Exemplar { labels: Labels::new(labels), value, t }))
}

type Pairs = Vec<(String, String)>;

/// Reads `name{labels}` or `{"name",labels}`; the rest of the line stays.
fn parse_series(text: &str) -> Result<(Pairs, &str), String> {
    let end = text.find(|c: char| c == '{' || c.is_whitespace()).ok_or("no value")?;
    let before = &text[..end];
    let starts_well = before.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':');
    let plain = before.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let is_name = starts_well && plain;
    if !before.is_empty() && !is_name {
        return Err(format!("{before:?} is not a metric name"));
    }
    let (mut labels, within, rest) = match text[end..].strip_prefix('{') {
        Some(inner) => parse_labels(inner)?,
        None => (Vec::new(), None, &text[end..]),
    };
    let name = match within {
        Some(_) if !before.is_empty() => return Err("a metric with two names".to_owned()),
        Some(name) => name,
        None => before.to_owned(),
    };
    if name.is_empty() {
        return Err("a metric without a name".to_owned());
    }
    labels.push((NAME.to_owned(), name));
    Ok((labels, rest))
}

/// Reads label pairs after `{`, up to and with `}`, and the metric's name where it stands among them.
fn parse_labels(mut text: &str) -> Result<(Pairs, Option<String>, &str), String> {
    let mut labels = Vec::new();
    let mut metric = None;
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('}') {
            return Ok((labels, metric, rest));
        }
        let (name, rest, is_quoted) = match text.strip_prefix('"') {
            Some(quoted) => {
                let (name, rest) = parse_quoted(quoted)?;
                (name, rest.trim_start(), true)
            }
            None => {
                let (name, rest) = plain_name(text)?;
                (name.to_owned(), rest.trim_start(), false)
            }
        };
        text = match rest.strip_prefix('=') {
            Some(rest) => {
                let rest = rest.trim_start().strip_prefix('"').ok_or("a label value without quotes")?;
                let (value, rest) = parse_quoted(rest)?;
                if name.is_empty() {
                    return Err("a label without a name".to_owned());
                }
                labels.push((name, value));
                rest.trim_start()
            }
            None if is_quoted && metric.is_none() => {
                metric = Some(name);
                rest
            }
            None if is_quoted => return Err("a metric with two names".to_owned()),
            None => return Err("a label without a value".to_owned()),
        };
        match text.strip_prefix(',') {
            Some(rest) => text = rest,
            None if text.starts_with('}') => {}
            None => return Err("labels are not separated by a comma".to_owned()),
        }
    }
}

fn plain_name(text: &str) -> Result<(&str, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').ok_or("a label without a value")?;
    let name = &text[..end];
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return Err(format!("{:?} is not a label name", text.split('=').next().unwrap_or_default()));
    }
    Ok((name, &text[end..]))
}

fn parse_quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[i + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('"' | '\\'))) => value.push(c),
                Some((_, c)) => value.extend(['\\', c]),
                None => break,
            },
            c => value.push(c),
        }
    }
    Err("a label value without an end".to_owned())
}

fn parse_float(word: &str) -> Result<f64, String> {
    word.parse().map_err(|_| format!("{word:?} is not a number"))
}

fn parse_time(word: &str, format: Format) -> Result<i64, String> {
    let number: f64 = parse_float(word)?;
    if !number.is_finite() {
        return Err(format!("{word:?} is not a time"));
    }
    Ok(match format {
        Format::OpenMetrics => (number * 1000.0) as i64,
        Format::Prometheus => number as i64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_histogram_with_exemplars_is_read_whole() {
        let text = "# TYPE h histogram\n# HELP h Time.\nh_bucket{le=\"5\",a=\"x\\\"y # z\"} 3 # {trace_id=\"ab\"} 0.5 12.25\nh_count 3\n# EOF\n";
        let parsed = parse(text, Format::OpenMetrics).expect("valid");
        let first = &parsed.samples[0];
        assert_eq!(first.labels[0], ("le".to_owned(), "5.0".to_owned()));
        assert_eq!(first.labels[1].1, "x\"y # z");
        let exemplar = first.exemplar.as_ref().expect("there");
        assert_eq!((exemplar.t, exemplar.value, exemplar.labels.get("trace_id")), (12250, 0.5, "ab"));
        assert_eq!(parsed.metadata[0].1.kind, "histogram");
        assert_eq!(parsed.metadata[0].1.help, "Time.");
    }

    #[test]
    fn an_answer_cut_short_is_refused() {
        assert!(parse("a 1\n", Format::OpenMetrics).is_err());
        assert!(parse("a 1\n", Format::Prometheus).is_ok());
        for bad in ["a", "a{b=\"c\" 1", "a{b=c} 1", "a x", "{a=\"b\"} 1", "a 1 2 3"] {
            assert!(parse(bad, Format::Prometheus).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_in_quotes_may_have_any_characters() {
        let text =
            "# TYPE \"a \\\" b\" counter\n{\"a \\\" b\",x=\"1\",\"y=z\"=\"2\"} 3\nc{ \"é.\" = \"ü\" , } 4\n";
        let parsed = parse(text, Format::Prometheus).expect("valid");
        let pairs = |i: usize| -> Vec<(&str, &str)> {
            parsed.samples[i].labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()
        };
        assert_eq!(pairs(0), [("x", "1"), ("y=z", "2"), (NAME, "a \" b")]);
        assert_eq!(pairs(1), [("é.", "ü"), (NAME, "c")]);
        assert_eq!(
            (parsed.metadata[0].0.as_str(), parsed.metadata[0].1.kind.as_str()),
            (r#"a \" b"#, "counter")
        );
        for bad in [
            r#"{} 1"#,
            r#"{"a","b"} 1"#,
            r#"a{"b"} 1"#,
            r#"{""} 1"#,
            r#"{"a",""="x"} 1"#,
            r#"{"a"="b"} 1"#,
            r#"{"a 1"#,
        ] {
            assert!(parse(bad, Format::Prometheus).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_seconds_in_openmetrics_and_milliseconds_in_prometheus_text() {
        assert_eq!(parse("a 1 12\n# EOF", Format::OpenMetrics).expect("valid").samples[0].t, Some(12_000));
        assert_eq!(parse("a 1 12", Format::Prometheus).expect("valid").samples[0].t, Some(12));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,120}", head in "(a|# TYPE h histogram\nh)?(\\{\"?)?") {
            for format in [Format::OpenMetrics, Format::Prometheus] {
                let _ = parse(&text, format);
                let _ = parse(&format!("{head}{text}"), format);
            }
        }
    }
}
