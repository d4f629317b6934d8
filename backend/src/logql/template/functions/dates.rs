//! Times: reading and writing them by Go's layouts, and counting them from 1970. Without a zone they are in UTC.

use super::Result;
use crate::template::{Function, Moment, Place, Value, format_time, of, put, read_time, text};

fn moment(value: &Value) -> Result<&Moment> {
    match value {
        Value::Time(moment) => Ok(moment),
        other => Err(format!("wrong type for value; expected time.Time; got {}", other.kind())),
    }
}

/// The time of now. It is no part of a query, and Loki asks the clock for each line, too.
fn now() -> Moment {
    let now = jiff::Timestamp::now();
    Moment::of_nanos(i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX))
}

/// A time, or seconds since 1970; of anything else sprig takes the time of now.
fn any_time(value: &Value) -> Moment {
    match value {
        Value::Time(moment) => moment.in_utc(),
        Value::Int(seconds) => Moment::utc(*seconds, 0),
        _ => now(),
    }
}

fn read(layout: &Value, place: &Place, value: &Value) -> Result<Value> {
    Ok(Value::Time(read_time(text(layout)?, text(value)?, place).unwrap_or_else(Moment::unset)))
}

/// The time that digits say: how many there are tells whether they are days, seconds or parts of a second.
fn from_digits(digits: &str) -> Result<Moment> {
    let unknown = |why: &str| format!("unable to parse time '{digits}': {why}");
    let n: i64 = digits.parse().map_err(|_| unknown("invalid syntax"))?;
    Ok(match digits.len() {
        5 => Moment::utc(n * 86_400, 0),
        10 => Moment::utc(n, 0),
        13 => Moment::of_nanos(n.wrapping_mul(1_000_000)),
        16 => Moment::of_nanos(n.wrapping_mul(1000)),
        19 => Moment::of_nanos(n),
        _ => return Err(unknown("it has 5, 10, 13, 16 or 19 digits")),
    })
}

pub(super) const FUNCTIONS: &[Function] = &[
    of("now", 0, |_| Ok(Value::Time(now()))),
    of("date", 2, |a| put(format_time(text(&a[0])?, &any_time(&a[1])))),
    of("toDate", 2, |a| read(&a[0], &Place::UTC, &a[1])),
    of("toDateInZone", 3, |a| read(&a[0], &Place::named(text(&a[1])?), &a[2])).heavy(),
    of("unixToTime", 1, |a| from_digits(text(&a[0])?).map(Value::Time)),
    of("unixEpoch", 1, |a| put(moment(&a[0])?.unix_seconds().to_string())),
    of("unixEpochMillis", 1, |a| put(moment(&a[0])?.unix_millis().to_string())),
    of("unixEpochNanos", 1, |a| put(moment(&a[0])?.unix_nanos().to_string())),
];
