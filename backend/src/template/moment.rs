//! Times as Go's templates have them: any second there is, in a zone.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::layout;

const DAY: i64 = 86_400;

/// A time, with what clocks showed at it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment {
    /// Since 1970, in UTC.
    pub(super) seconds: i64,
    pub(super) nanos: u32,
    pub(super) clock: Clock,
}

/// How many seconds clocks are ahead of UTC, and what that is called; a name that nobody knows is empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clock {
    pub(super) ahead: i32,
    pub(super) name: Arc<str>,
}

impl Clock {
    pub(super) fn utc() -> Self {
        Self { ahead: 0, name: "UTC".into() }
    }
}

/// A place by whose clocks a text is read.
#[derive(Debug, Clone)]
pub(crate) struct Place(pub(super) Option<TimeZone>);

impl Place {
    pub(crate) const UTC: Self = Self(None);

    /// The place of a zone's name (`Europe/Berlin`); where the system knows no such zone it is UTC, as in sprig.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "" | "UTC" | "Local" => Self::UTC,
            name => Self(TimeZone::get(name).ok().filter(|zone| zone.iana_name() == Some(name))),
        }
    }

    /// What clocks show there at a second since 1970.
    pub(super) fn clock(&self, seconds: i64) -> Clock {
        let Some(zone) = &self.0 else { return Clock::utc() };
        let within = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let Ok(at) = Timestamp::from_second(within) else { return Clock::utc() };
        let info = zone.to_offset_info(at);
        Clock { ahead: info.offset().seconds(), name: info.abbreviation().into() }
    }

    /// The second at which clocks there show so many seconds since the beginning of 1970. Of those that they show twice
    /// or never it is the one that Go takes.
    pub(super) fn shows(&self, local: i64) -> i64 {
        let first = self.clock(local).ahead;
        local - i64::from(self.clock(local - i64::from(first)).ahead)
    }

    /// How far clocks are ahead there under a name that they have about that time, or half a year from it.
    pub(super) fn ahead_under(&self, name: &str, local: i64) -> Option<i32> {
        self.0.as_ref()?;
        let around = [0, -12 * 3600, 12 * 3600, -182 * DAY, 182 * DAY];
        let found = around.into_iter().map(|by| self.clock(local + by)).find(|clock| &*clock.name == name);
        found.map(|clock| clock.ahead)
    }
}

/// A day by the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

impl Date {
    /// The day that is so many days after the first of 1970.
    pub(super) fn of(days: i64) -> Self {
        // Years begin in March here, so that a leap day is a year's last.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month, day: day_of_year - (153 * from_march + 2) / 5 + 1 }
    }

    /// How many days it is after the first of 1970.
    pub(super) fn days(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let from_march = (self.month + 9) % 12;
        let day_of_year = (153 * from_march + 2) / 5 + self.day - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    }

    pub(super) fn day_of_year(self) -> i64 {
        self.days() - Self { month: 1, day: 1, ..self }.days() + 1
    }
}

impl Moment {
    /// So many seconds after 1970 began, shown in UTC.
    pub(crate) fn utc(seconds: i64, nanos: u32) -> Self {
        Self { seconds, nanos, clock: Clock::utc() }
    }

    /// So many nanoseconds after 1970 began, shown in UTC.
    pub(crate) fn of_nanos(ns: i64) -> Self {
        Self::utc(ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000) as u32)
    }

    /// Go's time that nobody has set.
    pub(crate) fn unset() -> Self {
        Self::utc(Date { year: 1, month: 1, day: 1 }.days() * DAY, 0)
    }

    /// The same moment by clocks that show UTC.
    pub(crate) fn in_utc(&self) -> Self {
        Self::utc(self.seconds, self.nanos)
    }

    pub(crate) fn unix_seconds(&self) -> i64 {
        self.seconds
    }

    pub(crate) fn unix_millis(&self) -> i64 {
        self.seconds.wrapping_mul(1000).wrapping_add(i64::from(self.nanos / 1_000_000))
    }

    /// Go's: far from 1970 it overflows.
    pub(crate) fn unix_nanos(&self) -> i64 {
        self.seconds.wrapping_mul(1_000_000_000).wrapping_add(i64::from(self.nanos))
    }

    /// What clocks show: the day, and the second of it.
    pub(super) fn shown(&self) -> (i64, i64) {
        let local = self.seconds.saturating_add(i64::from(self.clock.ahead));
        (local.div_euclid(DAY), local.rem_euclid(DAY))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&layout::format("2006-01-02 15:04:05.999999999 -0700 MST", self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_place_that_is_not_known_shows_utc() {
        assert_eq!(Place::named("Nowhere/At_All").clock(0), Clock::utc());
        assert_eq!(Place::named("../etc/passwd").clock(0), Clock::utc());
    }

    #[test]
    fn moments_far_away_are_shown() {
        assert_eq!(Moment::unset().to_string(), "0001-01-01 00:00:00 +0000 UTC");
        assert_eq!(Moment::unset().unix_nanos(), -6_795_364_578_871_345_152);
        assert_eq!(Moment::of_nanos(-1).to_string(), "1969-12-31 23:59:59.999999999 +0000 UTC");
    }

    proptest! {
        #[test]
        fn every_day_has_a_date_and_every_date_a_day(days in -1_000_000_000_000_i64..1_000_000_000_000) {
            let date = Date::of(days);
            prop_assert_eq!(date.days(), days);
            prop_assert!((1..=12).contains(&date.month) && (1..=31).contains(&date.day));
            prop_assert!((1..=366).contains(&date.day_of_year()));
        }

        #[test]
        fn no_moment_makes_it_panic(seconds in any::<i64>(), nanos in 0_u32..1_000_000_000) {
            let moment = Moment::utc(seconds, nanos);
            let _ = (moment.to_string(), moment.unix_millis(), moment.unix_nanos());
        }
    }
}
