//! Go's layouts of times: what `Mon Jan 2 15:04:05 MST 2006` looks like in them is how a time is to look.

use super::moment::{Date, Moment};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// What stands in a layout for a part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Month { long: bool },
    MonthNumber { zero: bool },
    Weekday { long: bool },
    Day(Pad),
    DayOfYear(Pad),
    Hour,
    Hour12 { zero: bool },
    Minute { zero: bool },
    Second { zero: bool },
    Year { long: bool },
    Half { upper: bool },
    ZoneName,
    Offset(Offset),
    Fraction(Fraction),
}

/// What comes before a number of few digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pad {
    Nothing,
    Space,
    Zero,
}

/// How the distance from UTC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    /// Whether none is `Z`.
    pub(super) z: bool,
    pub(super) colon: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// How a fraction of a second is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fraction {
    pub(super) digits: usize,
    /// Without zeros at the end.
    pub(super) trimmed: bool,
    comma: bool,
}

const fn offset(z: bool, colon: bool, minutes: bool, seconds: bool) -> Part {
    Part::Offset(Offset { z, colon, minutes, seconds })
}

/// Of two that a text starts with, the first counts.
const PARTS: &[(&str, Part)] = &[
    ("January", Part::Month { long: true }),
    ("Jan", Part::Month { long: false }),
    ("Monday", Part::Weekday { long: true }),
    ("Mon", Part::Weekday { long: false }),
    ("MST", Part::ZoneName),
    ("01", Part::MonthNumber { zero: true }),
    ("02", Part::Day(Pad::Zero)),
    ("03", Part::Hour12 { zero: true }),
    ("04", Part::Minute { zero: true }),
    ("05", Part::Second { zero: true }),
    ("06", Part::Year { long: false }),
    ("002", Part::DayOfYear(Pad::Zero)),
    ("15", Part::Hour),
    ("1", Part::MonthNumber { zero: false }),
    ("2006", Part::Year { long: true }),
    ("2", Part::Day(Pad::Nothing)),
    ("_2", Part::Day(Pad::Space)),
    ("__2", Part::DayOfYear(Pad::Space)),
    ("3", Part::Hour12 { zero: false }),
    ("4", Part::Minute { zero: false }),
    ("5", Part::Second { zero: false }),
    ("PM", Part::Half { upper: true }),
    ("pm", Part::Half { upper: false }),
    ("-070000", offset(false, false, true, true)),
    ("-07:00:00", offset(false, true, true, true)),
    ("-0700", offset(false, false, true, false)),
    ("-07:00", offset(false, true, true, false)),
    ("-07", offset(false, false, false, false)),
    ("Z070000", offset(true, false, true, true)),
    ("Z07:00:00", offset(true, true, true, true)),
    ("Z0700", offset(true, false, true, false)),
    ("Z07:00", offset(true, true, true, false)),
    ("Z07", offset(true, false, false, false)),
];

/// Splits a layout at its first part: the text before it, the part, and what follows.
pub(super) fn next(layout: &str) -> (&str, Option<Part>, &str) {
    let found = layout.char_indices().find_map(|(at, _)| Some((at, part_of(&layout[at..])?)));
    match found {
        Some((at, (part, len))) => (&layout[..at], Some(part), &layout[at + len..]),
        None => (layout, None, ""),
    }
}

/// The part that a text starts with, and how long it is.
fn part_of(text: &str) -> Option<(Part, usize)> {
    let first = *text.as_bytes().first()?;
    if matches!(first, b'.' | b',') {
        return fraction(text, first == b',');
    }
    // It is an underscore and a year.
    if text.starts_with("_2006") {
        return None;
    }
    let (name, part) = PARTS.iter().find(|(name, _)| text.starts_with(name))?;
    let goes_on = text.as_bytes().get(name.len()).is_some_and(u8::is_ascii_lowercase);
    let is_short_name = matches!(part, Part::Month { long: false } | Part::Weekday { long: false });
    (!(goes_on && is_short_name)).then_some((*part, name.len()))
}

/// A point or comma before zeros alone or nines alone, behind which no digit follows.
fn fraction(text: &str, comma: bool) -> Option<(Part, usize)> {
    let digit = text.as_bytes().get(1).copied().filter(|b| matches!(b, b'0' | b'9'))?;
    let digits = text.as_bytes()[1..].iter().take_while(|b| **b == digit).count();
    if text.as_bytes().get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((Part::Fraction(Fraction { digits, trimmed: digit == b'9', comma }), 1 + digits))
}

/// A moment as a layout wants it.
pub(crate) fn format(layout: &str, moment: &Moment) -> String {
    let mut out = String::new();
    let mut rest = layout;
    let (days, second) = moment.shown();
    let date = Date::of(days);
    loop {
        let (before, part, after) = next(rest);
        out.push_str(before);
        let Some(part) = part else { return out };
        out.push_str(&written(part, moment, date, days, second));
        rest = after;
    }
}

fn number(n: i64, zero: bool) -> String {
    if zero { format!("{n:02}") } else { n.to_string() }
}

fn written(part: Part, moment: &Moment, date: Date, days: i64, second: i64) -> String {
    let hour = second / 3600;
    let short = |name: &str, long: bool| if long { name.to_owned() } else { name[..3].to_owned() };
    match part {
        Part::Month { long } => short(MONTHS[(date.month - 1) as usize], long),
        Part::MonthNumber { zero } => number(date.month, zero),
        Part::Weekday { long } => short(DAYS[(days + 4).rem_euclid(7) as usize], long),
        Part::Day(Pad::Space) => format!("{:2}", date.day),
        Part::Day(pad) => number(date.day, pad == Pad::Zero),
        Part::DayOfYear(Pad::Space) => format!("{:3}", date.day_of_year()),
        Part::DayOfYear(_) => format!("{:03}", date.day_of_year()),
        Part::Hour => number(hour, true),
        Part::Hour12 { zero } => number(if hour % 12 == 0 { 12 } else { hour % 12 }, zero),
        Part::Minute { zero } => number(second / 60 % 60, zero),
        Part::Second { zero } => number(second % 60, zero),
        Part::Year { long: true } if date.year < 0 => format!("-{:04}", -date.year),
        Part::Year { long: true } => format!("{:04}", date.year),
        Part::Year { long: false } => number(date.year.abs() % 100, true),
        Part::Half { upper } => {
            let half = if hour >= 12 { "PM" } else { "AM" };
            if upper { half.to_owned() } else { half.to_lowercase() }
        }
        Part::ZoneName if moment.clock.name.is_empty() => {
            from_utc(moment.clock.ahead, Offset { z: false, colon: false, minutes: true, seconds: false })
        }
        Part::ZoneName => moment.clock.name.to_string(),
        Part::Offset(offset) => from_utc(moment.clock.ahead, offset),
        Part::Fraction(fraction) => fraction.of(moment.nanos),
    }
}

fn from_utc(ahead: i32, how: Offset) -> String {
    if ahead == 0 && how.z {
        return "Z".to_owned();
    }
    // Whole minutes decide on the sign, as in Go.
    let sign = if ahead / 60 < 0 { '-' } else { '+' };
    let (minutes, colon) = ((ahead / 60).abs(), if how.colon { ":" } else { "" });
    let mut out = format!("{sign}{:02}", minutes / 60);
    if how.minutes {
        out += &format!("{colon}{:02}", minutes % 60);
    }
    if how.seconds {
        out += &format!("{colon}{:02}", (ahead % 60).abs());
    }
    out
}

impl Fraction {
    fn of(self, nanos: u32) -> String {
        if self.trimmed && nanos == 0 {
            return String::new();
        }
        let digits = format!("{nanos:09}");
        let digits = &digits[..self.digits.min(9)];
        let digits = if self.trimmed { digits.trim_end_matches('0') } else { digits };
        if digits.is_empty() {
            return String::new();
        }
        format!("{}{digits}", if self.comma { ',' } else { '.' })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_its_layout_looks() {
        let moment = Moment::utc(1_700_000_000, 45_000_000);
        for (layout, expected) in [
            ("2006-01-02T15:04:05Z07:00", "2023-11-14T22:13:20Z"),
            ("Mon Jan _2 3:04:05.000 PM 2006", "Tue Nov 14 10:13:20.045 PM 2023"),
            ("Monday, January 2 (002 __2) 06", "Tuesday, November 14 (318 318) 23"),
            ("15h4m5s ,999 .9 -0700 MST", "22h13m20s ,045  +0000 UTC"),
            ("_2006 Janx Month .001", "_2023 Janx Month .011"),
            ("größe 1", "größe 11"),
            ("", ""),
        ] {
            assert_eq!(format(layout, &moment), expected, "{layout}");
        }
    }
}
