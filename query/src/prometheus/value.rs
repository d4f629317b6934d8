//! Sample values as text: the form Prometheus writes them in, both ways.

/// A value from Prometheus' form: decimal or exponent, `NaN`, `+Inf`, `-Inf`.
#[must_use]
pub fn parse_value(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// A value in the form Prometheus' API writes it: the shortest text that reads back as the same number.
#[must_use]
pub fn format_value(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        // Go writes at least two digits of the exponent, and its sign.
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(("+", exponent), |digits| ("-", digits));
        format!("{mantissa}e{sign}{digits:0>2}")
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_have_prometheus_forms() {
        let cases = [
            (0.0, "0"),
            (-0.5, "-0.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (2.5e-7, "2.5e-07"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, text) in cases {
            assert_eq!(format_value(value), text);
            assert_eq!(parse_value(text), Some(value));
        }
        assert_eq!(format_value(f64::NAN), "NaN");
        assert!(parse_value("NaN").is_some_and(f64::is_nan));
        assert_eq!(parse_value("many"), None);
    }

    proptest! {
        #[test]
        fn every_value_survives_its_text(bits: u64) {
            let value = f64::from_bits(bits);
            let back = parse_value(&format_value(value)).unwrap();
            prop_assert!(back == value || (back.is_nan() && value.is_nan()));
        }
    }
}
