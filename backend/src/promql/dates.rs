//! Date functions: what a time in seconds is in UTC, for any number, as Go's calendar counts.

/// Days from 1 March of the year 0 to 1 January 1970.
const EPOCH_DAYS: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;
/// Go counts from so many eras of 400 years before the year 0, in unsigned seconds that wrap around.
const ERAS_BEFORE: i64 = 730_692_556;
const DAY: u64 = 86_400;

/// A moment in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
    day_of_week: i64,
    second: i64,
}

impl Date {
    fn new(seconds: f64) -> Self {
        // What does not fit becomes the smallest integer, as the processor converts it.
        let fits = seconds >= i64::MIN as f64 && seconds < i64::MAX as f64;
        let seconds = if fits { seconds as i64 } else { i64::MIN };
        let before = ERAS_BEFORE * DAYS_PER_ERA + EPOCH_DAYS;
        let absolute = seconds.cast_unsigned().wrapping_add((before.cast_unsigned()).wrapping_mul(DAY));
        // Days since 1 March of the year 0: February, with its leap day, ends the year.
        let days = (absolute / DAY).cast_signed() - ERAS_BEFORE * DAYS_PER_ERA;
        let (era, of_era) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            // 1 March of the year 0 was a Wednesday.
            day_of_week: (days + 3).rem_euclid(7),
            second: (absolute % DAY).cast_signed(),
        }
    }

    fn is_leap_year(self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }

    fn days_in(self, month: i64) -> i64 {
        match month {
            2 if self.is_leap_year() => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

/// The function of that name, when it is one of dates.
pub(super) fn named(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "year" => |t| Date::new(t).year as f64,
        "month" => |t| Date::new(t).month as f64,
        "day_of_month" => |t| Date::new(t).day as f64,
        "day_of_week" => |t| Date::new(t).day_of_week as f64,
        "day_of_year" => |t| {
            let date = Date::new(t);
            ((1..date.month).map(|m| date.days_in(m)).sum::<i64>() + date.day) as f64
        },
        "days_in_month" => |t| {
            let date = Date::new(t);
            date.days_in(date.month) as f64
        },
        "hour" => |t| (Date::new(t).second / 3600) as f64,
        "minute" => |t| (Date::new(t).second / 60 % 60) as f64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(t: f64) -> Vec<f64> {
        ["year", "month", "day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute"]
            .iter()
            .map(|name| named(name).expect("a date function")(t))
            .collect()
    }

    #[test]
    fn times_are_what_the_calendar_says() {
        assert_eq!(all(0.0), [1970.0, 1.0, 1.0, 4.0, 1.0, 31.0, 0.0, 0.0]);
        // 2024-02-29T12:34:56Z, a Thursday.
        assert_eq!(all(1_709_210_096.7), [2024.0, 2.0, 29.0, 4.0, 60.0, 29.0, 12.0, 34.0]);
        // 1969-12-31T23:59:59Z; fractions are cut off towards zero.
        assert_eq!(all(-1.5), [1969.0, 12.0, 31.0, 3.0, 365.0, 31.0, 23.0, 59.0]);
        // 1900 was no leap year.
        assert_eq!(all(-2_203_891_200.0)[..5], [1900.0, 3.0, 1.0, 4.0, 60.0]);
    }

    #[test]
    fn numbers_that_are_no_times_have_the_date_of_the_smallest_integer() {
        assert_eq!(all(f64::NAN), all(f64::INFINITY));
        assert_eq!(all(f64::NAN)[0], 292_277_026_596.0);
    }
}
