//! Reads times by Go's layouts.

use super::layout::{DAYS, Fraction, MONTHS, Offset, Pad, Part, next};
use super::moment::{Clock, Date, Moment, Place};

/// A time that a text says in a layout; where it names no zone, the clocks of `place` show it. `None` where the text does
/// not fit.
pub(crate) fn read(layout: &str, text: &str, place: &Place) -> Option<Moment> {
    let mut found = Found { rest: text.as_bytes(), ..Found::default() };
    let mut layout = layout;
    loop {
        let (before, part, after) = next(layout);
        found.pass(before)?;
        let Some(part) = part else { break };
        found.part(part, after)?;
        layout = after;
    }
    if !found.rest.is_empty() {
        return None;
    }
    found.moment(place)
}

/// What is known so far, and the text that follows.
#[derive(Debug, Default)]
struct Found<'t> {
    rest: &'t [u8],
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    afternoon: Option<bool>,
    is_utc: bool,
    ahead: Option<i32>,
    zone: Option<&'t [u8]>,
}

fn is_digit(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

fn is_point(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'.' | b','))
}

fn without_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|b| **b == b' ').count();
    &text[spaces..]
}

fn whole(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl<'t> Found<'t> {
    /// Passes what a layout has between its parts; any spaces are as good as any others.
    fn pass(&mut self, between: &str) -> Option<()> {
        let mut between = between.as_bytes();
        while let Some(first) = between.first() {
            if *first == b' ' {
                if self.rest.first().is_some_and(|b| *b != b' ') {
                    return None;
                }
                between = without_spaces(between);
                self.rest = without_spaces(self.rest);
            } else {
                self.rest = self.rest.strip_prefix(&[*first])?;
                between = &between[1..];
            }
        }
        Some(())
    }

    fn take(&mut self, n: usize) -> Option<&'t [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    /// A number of one digit or two; of two alone where it is `fixed`.
    fn number(&mut self, fixed: bool) -> Option<i64> {
        match (is_digit(self.rest, 0), is_digit(self.rest, 1)) {
            (true, true) => whole(self.take(2)?),
            (true, false) if !fixed => whole(self.take(1)?),
            _ => None,
        }
    }

    fn number_below(&mut self, end: i64, fixed: bool) -> Option<i64> {
        self.number(fixed).filter(|n| *n < end)
    }

    /// Which of some names stands here, in letters of any size.
    fn name(&mut self, names: &[&str], long: bool) -> Option<usize> {
        let found = names.iter().position(|name| {
            let name = if long { *name } else { &name[..3] };
            self.rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name.as_bytes()))
        })?;
        self.take(if long { names[found].len() } else { 3 })?;
        Some(found)
    }

    fn part(&mut self, part: Part, layout: &str) -> Option<()> {
        match part {
            Part::Month { long } => self.month = Some(self.name(&MONTHS, long)? as i64 + 1),
            Part::MonthNumber { zero } => {
                self.month = Some(self.number(zero).filter(|month| (1..=12).contains(month))?);
            }
            Part::Weekday { long } => {
                self.name(&DAYS, long)?;
            }
            Part::Day(pad) => {
                if pad == Pad::Space {
                    self.rest = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
                }
                self.day = Some(self.number(pad == Pad::Zero)?);
            }
            Part::DayOfYear(pad) => self.day_of_year = Some(self.three(pad)?),
            Part::Hour => self.hour = self.number_below(24, false)?,
            Part::Hour12 { zero } => self.hour = self.number_below(13, zero)?,
            Part::Minute { zero } => self.minute = self.number_below(60, zero)?,
            Part::Second { zero } => {
                self.second = self.number_below(60, zero)?;
                let follows = is_point(self.rest) && is_digit(self.rest, 1);
                if follows && !matches!(next(layout).1, Some(Part::Fraction(_))) {
                    self.digits_of_fraction()?;
                }
            }
            Part::Year { long: true } => {
                self.year = whole(self.take(4).filter(|year| is_digit(year, 0))?)?;
            }
            Part::Year { long: false } => {
                let year = whole(self.take(2)?)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            Part::Half { upper } => {
                let (am, pm): (&[u8], &[u8]) = if upper { (b"AM", b"PM") } else { (b"am", b"pm") };
                let half = self.take(2).filter(|half| *half == am || *half == pm)?;
                self.afternoon = Some(half == pm);
            }
            Part::Offset(offset) => self.offset(offset)?,
            Part::ZoneName => self.zone_name()?,
            Part::Fraction(fraction) => self.fraction(fraction)?,
        }
        Some(())
    }

    /// The day of a year, in three digits at most.
    fn three(&mut self, pad: Pad) -> Option<i64> {
        for _ in 0..2 {
            if pad == Pad::Space {
                self.rest = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
            }
        }
        let digits = (0..3).take_while(|i| is_digit(self.rest, *i)).count();
        if digits == 0 || pad == Pad::Zero && digits != 3 {
            return None;
        }
        whole(self.take(digits)?)
    }

    /// A fraction of as many digits as there are.
    fn digits_of_fraction(&mut self) -> Option<()> {
        let digits = self.rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.nanos(1 + digits)
    }

    fn fraction(&mut self, fraction: Fraction) -> Option<()> {
        if !fraction.trimmed {
            return self.nanos(1 + fraction.digits);
        }
        if is_point(self.rest) && is_digit(self.rest, 1) { self.digits_of_fraction() } else { Some(()) }
    }

    /// A point and digits, so many bytes together.
    fn nanos(&mut self, bytes: usize) -> Option<()> {
        let text = self.take(bytes).filter(|text| is_point(text))?;
        let digits = &text[1..text.len().min(10)];
        let scale = 10_i64.pow(9 - digits.len() as u32);
        self.nanos = u32::try_from(whole(digits)? * scale).ok()?;
        Some(())
    }

    fn offset(&mut self, how: Offset) -> Option<()> {
        if let (true, Some(rest)) = (how.z, self.rest.strip_prefix(b"Z")) {
            (self.rest, self.is_utc) = (rest, true);
            return Some(());
        }
        let sign = self.take(1)?;
        let mut piece = |is_first: bool, is_there: bool, most: i64| -> Option<i64> {
            if !is_there {
                return Some(0);
            }
            if how.colon && !is_first {
                self.take(1).filter(|colon| *colon == b":")?;
            }
            let digits = self.take(2).filter(|two| is_digit(two, 0) && is_digit(two, 1))?;
            whole(digits).filter(|n| *n <= most)
        };
        let hours = piece(true, true, 24)?;
        let minutes = piece(false, how.minutes, 60)?;
        let seconds = piece(false, how.seconds, 60)?;
        let ahead = ((hours * 60 + minutes) * 60 + seconds) as i32;
        self.ahead = Some(match sign {
            b"+" => ahead,
            b"-" => -ahead,
            _ => return None,
        });
        Some(())
    }

    /// The short name of a zone, as far as Go can tell one from other letters.
    fn zone_name(&mut self) -> Option<()> {
        let text = self.rest;
        if let Some(rest) = text.strip_prefix(b"UTC") {
            (self.rest, self.is_utc) = (rest, true);
            return Some(());
        }
        if text.len() < 3 {
            return None;
        }
        let upper = text.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count();
        let len = match (text, upper) {
            ([b'C', b'h', b'S', b'T', ..] | [b'M', b'e', b'S', b'T', ..], _) => 4,
            ([b'G', b'M', b'T', after @ ..], _) => 3 + signed_hours(after),
            ([b'+' | b'-', ..], _) => Some(signed_hours(text)).filter(|len| *len > 0)?,
            ([_, _, _, _, b'T', ..], 5) => 5,
            ([_, _, _, b'T', ..] | [b'W', b'I', b'T', b'A', ..], 4) => 4,
            (_, 3) => 3,
            _ => return None,
        };
        self.zone = Some(self.take(len)?);
        Some(())
    }

    fn moment(self, place: &Place) -> Option<Moment> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let days = self.date()?.days();
        let local = days * 86_400 + hour * 3600 + self.minute * 60 + self.second;
        let there = |seconds: i64| Moment { seconds, nanos: self.nanos, clock: place.clock(seconds) };
        let elsewhere = |ahead: i32, name: &str| Moment {
            seconds: local - i64::from(ahead),
            nanos: self.nanos,
            clock: Clock { ahead, name: name.into() },
        };
        if self.is_utc {
            return Some(Moment::utc(local, self.nanos));
        }
        let name = std::str::from_utf8(self.zone.unwrap_or_default()).ok()?;
        if let Some(ahead) = self.ahead {
            let here = there(local - i64::from(ahead));
            let fits = here.clock.ahead == ahead && (name.is_empty() || name == &*here.clock.name);
            return Some(if fits { here } else { elsewhere(ahead, name) });
        }
        if name.is_empty() {
            return Some(there(place.shows(local)));
        }
        if let Some(ahead) = place.ahead_under(name, local) {
            return Some(there(local - i64::from(ahead)));
        }
        // Of a name that is not known there, only `GMT+3` tells how far clocks are ahead, and Go does not reckon with it.
        let hours = name.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok()).unwrap_or(0);
        Some(Moment {
            seconds: local,
            nanos: self.nanos,
            clock: Clock { ahead: hours * 3600, name: name.into() },
        })
    }

    fn date(&self) -> Option<Date> {
        let of_month = |month: i64, day: i64| Date { year: self.year, month, day };
        let Some(day_of_year) = self.day_of_year else {
            let date = of_month(self.month.unwrap_or(1), self.day.unwrap_or(1));
            return Some(date).filter(|date| date.day >= 1 && Date::of(date.days()) == *date);
        };
        let date = Date::of(of_month(1, 1).days() + day_of_year - 1);
        let fits = |said: Option<i64>, is: i64| said.is_none_or(|said| said == is);
        let is_in_year = day_of_year >= 1 && date.year == self.year;
        (is_in_year && fits(self.month, date.month) && fits(self.day, date.day)).then_some(date)
    }
}

/// How long a sign and hours are, up to 23; nothing where there are none.
fn signed_hours(text: &[u8]) -> usize {
    let digits = text.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
    let is_signed = matches!(text.first(), Some(b'+' | b'-'));
    let hours = text.get(1..1 + digits).and_then(whole).filter(|hours| *hours <= 23);
    if is_signed && hours.is_some() { 1 + digits } else { 0 }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::super::layout::format;
    use super::*;

    fn shown(layout: &str, text: &str) -> Option<String> {
        read(layout, text, &Place::UTC).map(|moment| moment.to_string())
    }

    #[test]
    fn a_text_is_read_by_its_layout() {
        for (layout, text, expected) in [
            ("2006-01-02", "2023-11-14", "2023-11-14 00:00:00 +0000 UTC"),
            (
                "2006-01-02T15:04:05Z07:00",
                "2023-11-14T22:13:20.045+02:00",
                "2023-11-14 22:13:20.045 +0200 +0200",
            ),
            ("2006-01-02T15:04:05Z07:00", "2023-11-14T22:13:20Z", "2023-11-14 22:13:20 +0000 UTC"),
            ("02/Jan/2006:15:04:05 -0700", "08/nov/2023:19:22:01 -0330", "2023-11-08 19:22:01 -0330 -0330"),
            ("Mon Jan _2 3:04PM 06", "Tue Nov  4 12:01AM 69", "1969-11-04 00:01:00 +0000 UTC"),
            ("2006 002", "2024 366", "2024-12-31 00:00:00 +0000 UTC"),
            ("15:04:05.000 MST", "01:02:03.450 CET", "0000-01-01 01:02:03.45 +0000 CET"),
            ("2006-01-02 MST", "2023-01-02 GMT+3", "2023-01-02 03:00:00 +0300 GMT+3"),
            ("2006-01-02 MST", "2023-01-02 UTC", "2023-01-02 00:00:00 +0000 UTC"),
        ] {
            assert_eq!(shown(layout, text).as_deref(), Some(expected), "{layout}: {text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_no_time() {
        for (layout, text) in [
            ("2006-01-02", "2023-13-01"),
            ("2006-01-02", "2023-02-29"),
            ("2006-01-02", "2023-1-2"),
            ("2006-01-02", "2023-01-02x"),
            ("15:04", "24:00"),
            ("2006 002", "2023 366"),
            ("2006 002 Jan", "2023 040 Jan"),
            ("05.000", "01.1"),
            ("Jan", "Jon"),
            ("MST", "cet"),
            ("-0700", "*0100"),
            ("", "x"),
        ] {
            assert_eq!(shown(layout, text), None, "{layout}: {text}");
        }
    }

    #[test]
    fn a_place_tells_what_clocks_show() {
        let berlin = Place(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").ok());
        let read = |text: &str| read("2006-01-02 15:04:05", text, &berlin).expect("a time").to_string();
        assert_eq!(read("2023-07-01 12:00:00"), "2023-07-01 12:00:00 +0200 CEST");
        assert_eq!(read("2023-12-01 12:00:00"), "2023-12-01 12:00:00 +0100 CET");
        // Never shown, shown twice, and by the name of a clock.
        assert_eq!(read("2023-03-26 02:30:00"), "2023-03-26 03:30:00 +0200 CEST");
        assert_eq!(read("2023-10-29 02:30:00"), "2023-10-29 02:30:00 +0100 CET");
        let summer = super::read("2006-01-02 15:04 MST", "2023-12-01 12:00 CEST", &berlin).expect("a time");
        assert_eq!(summer.to_string(), "2023-12-01 11:00:00 +0100 CET");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in -60_000_000_000_i64..200_000_000_000, nanos in 0_u32..1_000_000_000) {
            let moment = Moment::utc(seconds, nanos);
            for layout in ["2006-01-02T15:04:05.999999999Z07:00", "Mon, 02 Jan 2006 03:04:05.000000000 PM -0700"] {
                let text = format(layout, &moment);
                prop_assert_eq!(read(layout, &text, &Place::UTC).map(|m| (m.seconds, m.nanos)), Some((seconds, nanos)));
            }
        }

        #[test]
        fn no_text_makes_it_panic(layout in "[0-9A-Za-z _:.,+-]{0,30}", text in "\\PC{0,30}", near in "[0-9A-Z :.,+-]{0,30}") {
            for text in [&text, &near] {
                let _ = read(&layout, text, &Place::UTC);
                let _ = format(text, &Moment::unset());
            }
        }
    }
}
