//! One JSON line. Pure: from values to bytes. Our keys come first; a field of the event that repeats one of them gets the
//! prefix `field.`.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::field::{Field, Visit};

/// Keys that are ours.
const RESERVED: [&str; 8] =
    ["timestamp", "level", "service", "target", "trace_id", "span_id", "correlation_id", "message"];

/// A line under construction.
pub(super) struct Line<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Line<'a> {
    /// Begins the object in `out`, which is empty.
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Line<'a> {
        out.push(b'{');
        Line { out }
    }

    /// A text member.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.string(value);
    }

    /// A member whose value is text that needs no escaping.
    pub(super) fn plain(&mut self, key: &str, value: impl fmt::Display) {
        self.key(key);
        // Writing into a vector cannot fail.
        let _ = write!(self.out, "\"{value}\"");
    }

    /// Ends the object and the line.
    pub(super) fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }

    fn key(&mut self, key: &str) {
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        self.string(key);
        self.out.push(b':');
    }

    fn string(&mut self, value: &str) {
        // Serialising a string into a vector cannot fail.
        let _ = serde_json::to_writer(&mut *self.out, value);
    }

    fn field(&mut self, field: &Field) {
        let name = field.name();
        // `message` is ours and the event's at once: it is the event's text.
        if name != "message" && RESERVED.contains(&name) {
            self.key(&format!("field.{name}"));
        } else {
            self.key(name);
        }
    }

    fn number(&mut self, field: &Field, value: impl fmt::Display) {
        self.field(field);
        let _ = write!(self.out, "{value}");
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field);
        let mut text = String::new();
        // A Debug implementation that fails leaves what it wrote until then.
        let _ = write!(text, "{value:?}");
        self.string(&text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field);
        self.string(value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.field(field);
        self.string(&value.to_string());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.number(field, value);
        } else {
            self.field(field);
            self.string(&value.to_string());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.number(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.number(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, value);
    }
}
