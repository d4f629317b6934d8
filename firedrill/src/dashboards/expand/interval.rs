//! Times as Grafana and Go read and write them: `15s`, `>1m`, `1m30s`, `$__interval` as `200ms`.

use std::time::Duration;

/// From a raw step up to (but not including) the first number, the second is taken; milliseconds.
const STEPS: [(u64, u64); 30] = [
    (10, 1),
    (15, 10),
    (35, 20),
    (75, 50),
    (150, 100),
    (350, 200),
    (750, 500),
    (1_500, 1_000),
    (3_500, 2_000),
    (7_500, 5_000),
    (12_500, 10_000),
    (17_500, 15_000),
    (25_000, 20_000),
    (45_000, 30_000),
    (90_000, 60_000),
    (210_000, 120_000),
    (450_000, 300_000),
    (750_000, 600_000),
    (1_050_000, 900_000),
    (1_500_000, 1_200_000),
    (2_700_000, 1_800_000),
    (5_400_000, 3_600_000),
    (9_000_000, 7_200_000),
    (16_200_000, 10_800_000),
    (32_400_000, 21_600_000),
    (86_400_000, 43_200_000),
    (604_800_000, 86_400_000),
    (1_814_400_000, 604_800_000),
    (3_628_800_000, 2_592_000_000),
    (u64::MAX, 31_536_000_000),
];

/// The round step next to a raw one, as a person would choose it.
pub fn round(raw: Duration) -> Duration {
    let millis = u64::try_from(raw.as_millis()).unwrap_or(u64::MAX);
    let step =
        STEPS.iter().find(|(below, _)| millis < *below).map_or(STEPS[STEPS.len() - 1].1, |(_, step)| *step);
    Duration::from_millis(step)
}

/// Reads a time as Grafana's fields take it, also with `>` before it; several units may follow each other.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim().trim_start_matches(['>', '<']);
    let mut whole = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let millis = match &unit[..end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            "M" => 2_592_000_000,
            "y" => 31_536_000_000,
            _ => return None,
        };
        whole = whole.checked_add(Duration::from_millis(number.checked_mul(millis)?))?;
        rest = &unit[end..];
    }
    Some(whole)
}

/// As `$__interval` is written: the largest unit alone, `90s` is `1m`.
pub fn coarse(time: Duration) -> String {
    let millis = time.as_millis();
    for (unit, size) in
        [("y", 31_536_000_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    {
        if millis >= size {
            return format!("{}{unit}", millis / size);
        }
    }
    "1ms".to_owned()
}

/// As `$__rate_interval` is written, which is Go's way: `16s`, `1m0s`, `1.5s`, `500ms`.
pub fn exact(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{}ms", time.as_millis());
    }
    let seconds = time.as_secs();
    let fraction = match time.subsec_millis() {
        0 => String::new(),
        millis => format!(".{millis:03}").trim_end_matches('0').to_owned(),
    };
    let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (h, m) {
        (0, 0) => format!("{s}{fraction}s"),
        (0, _) => format!("{m}m{s}{fraction}s"),
        _ => format!("{h}h{m}m{s}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn steps_are_rounded_as_grafana_rounds_them() {
        let raw = [0.001, 0.3, 0.5, 1.2, 17.0, 44.0, 89.0, 3600.0 * 2.6];
        let rounded = [0.001, 0.2, 0.5, 1.0, 15.0, 30.0, 60.0, 3600.0 * 3.0];
        assert_eq!(raw.map(|r| round(s(r))), rounded.map(s));
        assert_eq!(round(Duration::MAX), s(31_536_000.0));
    }

    #[test]
    fn times_are_read_as_grafana_takes_them() {
        assert_eq!(parse("15s"), Some(s(15.0)));
        assert_eq!(parse(">1m"), Some(s(60.0)));
        assert_eq!(parse("1m30s"), Some(s(90.0)));
        assert_eq!(parse("500ms"), Some(s(0.5)));
        for wrong in ["", "s", "15", "15x", "-1s", "$__interval", "99999999999999999999y"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_interval_keeps_its_largest_unit_and_a_rate_interval_all() {
        assert_eq!(
            [0.0, 0.2, 1.5, 90.0, 7200.0, 90_000.0].map(|t| coarse(s(t))),
            ["1ms", "200ms", "1s", "1m", "2h", "1d"]
        );
        assert_eq!(
            [0.5, 1.5, 16.0, 60.0, 75.0, 3601.0].map(|t| exact(s(t))),
            ["500ms", "1.5s", "16s", "1m0s", "1m15s", "1h0m1s"]
        );
    }
}
