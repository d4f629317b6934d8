//! The two forms of an exposition, which of them a reader asks for, and the one made of the other. Pure.

use axum::http::{HeaderMap, header};

/// A form of an exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// With exemplars, which Prometheus keeps from no other.
    OpenMetrics,
    /// The form before it, which every reader knows.
    Text,
}

impl Format {
    /// What a reader asks for, as Go's client understands it: the form that it names first in the order of its preference, and
    /// text where it names neither.
    pub(super) fn asked_for(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut named: Vec<(f32, Self)> = accept.split(',').filter_map(named).collect();
        // The order of equal ones stays.
        named.sort_by(|a, b| b.0.total_cmp(&a.0));
        named.first().map_or(Self::Text, |(_, format)| *format)
    }

    /// An exposition of OpenMetrics in this form.
    pub(super) fn of(self, openmetrics: String) -> String {
        match self {
            Self::OpenMetrics => openmetrics,
            Self::Text => text(&openmetrics),
        }
    }
}

/// A form that is named as acceptable, and how much it is liked.
fn named(clause: &str) -> Option<(f32, Format)> {
    let mut parts = clause.split(';').map(str::trim);
    let kind = parts.next()?.to_ascii_lowercase();
    let (mut quality, mut version) = (1.0, "");
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        match name.trim() {
            "q" => quality = value.trim().parse().ok()?,
            "version" => version = value.trim().trim_matches('"'),
            _ => {}
        }
    }
    let format = match (kind.as_str(), version) {
        ("application/openmetrics-text", "" | "0.0.1" | "1.0.0") => Format::OpenMetrics,
        ("text/plain", "" | "0.0.4") => Format::Text,
        _ => return None,
    };
    (quality > 0.0).then_some((quality, format))
}

/// Counters and infos go by the names of their samples; units, exemplars and the mark of the end are left out.
fn text(openmetrics: &str) -> String {
    let mut out = String::with_capacity(openmetrics.len());
    let mut help = None;
    for line in openmetrics.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            help = said.split_once(' ');
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').unwrap_or((typed, "unknown"));
            let (ending, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                "stateset" => ("", "gauge"),
                "unknown" => ("", "untyped"),
                kind => ("", kind),
            };
            if let Some((_, said)) = help.take().filter(|(of, _)| *of == name) {
                out.push_str(&format!("# HELP {name}{ending} {said}\n"));
            }
            out.push_str(&format!("# TYPE {name}{ending} {kind}\n"));
        } else if !line.starts_with('#') {
            out.push_str(without_exemplar(line));
            out.push('\n');
        }
    }
    out
}

/// A sample alone. What its labels say may look like the begin of an exemplar.
fn without_exemplar(line: &str) -> &str {
    let labels = end_of_labels(line);
    let exemplar = line[labels..].find(" # ");
    exemplar.map_or(line, |at| &line[..labels + at])
}

fn end_of_labels(line: &str) -> usize {
    let start = line.find(['{', ' ']).filter(|at| line[*at..].starts_with('{'));
    let Some(start) = start else { return 0 };
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, b) in line.bytes().enumerate().skip(start) {
        match b {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'}' if !is_quoted => return at,
            _ => {}
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Format::asked_for(&headers)
    }

    #[test]
    fn openmetrics_is_for_those_who_name_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for accept in [
            prometheus,
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; version=0.0.1; q=0.1",
            "text/plain;q=0.5, application/openmetrics-text",
            "application/openmetrics-text, text/plain",
        ] {
            assert_eq!(asked(accept), Format::OpenMetrics, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/plain;version=0.0.4;q=1,*/*;q=0.1",
            "text/plain, application/openmetrics-text",
            "application/openmetrics-text;q=0.4, text/plain;q=0.5",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=x",
        ] {
            assert_eq!(asked(accept), Format::Text, "{accept}");
        }
        assert_eq!(Format::asked_for(&HeaderMap::new()), Format::Text);
    }

    #[test]
    fn text_has_no_units_exemplars_and_end() {
        let openmetrics = r##"# HELP orders Orders.
# TYPE orders counter
orders_total{a="x # {} \" } # {"} 3 # {trace_id="1"} 1 17.5
orders_total 4 # {trace_id="2"} 1
# HELP build Build.
# TYPE build info
build_info{version="1"} 1
# HELP took_seconds Time.
# TYPE took_seconds histogram
# UNIT took_seconds seconds
took_seconds_sum 1.5
took_seconds_bucket{le="+Inf"} 2 # {trace_id="3",span_id="4"} 0.5
# TYPE odd unknown
odd 1
# EOF
"##;
        let expected = r##"# HELP orders_total Orders.
# TYPE orders_total counter
orders_total{a="x # {} \" } # {"} 3
orders_total 4
# HELP build_info Build.
# TYPE build_info gauge
build_info{version="1"} 1
# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_sum 1.5
took_seconds_bucket{le="+Inf"} 2
# TYPE odd untyped
odd 1
"##;
        assert_eq!(Format::Text.of(openmetrics.to_owned()), expected);
        assert_eq!(Format::OpenMetrics.of(openmetrics.to_owned()), openmetrics);
    }
}
