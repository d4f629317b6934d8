//! Numbers as Go writes them: Prometheus' texts are made by it.

/// A number as Go's `%g` prints it: the shortest text, or so many digits at most.
pub(crate) fn general(v: f64, digits: Option<usize>) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = digits.map_or_else(|| format!("{v:e}"), |d| format!("{v:.*e}", d.saturating_sub(1)));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa =
        if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= digits.unwrap_or(6) as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{mantissa}e{exponent}").parse::<f64>().unwrap_or(v).to_string()
}

/// A bucket's bound or a quantile as Prometheus writes it of what it scrapes: never without a point or an exponent.
pub(crate) fn bound(v: f64) -> String {
    let text = general(if v == 0.0 { 0.0 } else { v }, None);
    if v.is_finite() && !text.contains(['.', 'e']) { text + ".0" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (v, digits, text) in [
            (-1.0, None, "-1"),
            (0.078, Some(2), "0.078"),
            (211.3, Some(2), "2.1e+02"),
            (10.0, Some(2), "10"),
            (200.4, Some(2), "2e+02"),
            (1e-5, None, "1e-05"),
            (12_345_678.0, None, "1.2345678e+07"),
            (f64::INFINITY, None, "+Inf"),
        ] {
            assert_eq!(general(v, digits), text);
        }
    }

    #[test]
    fn a_bound_always_has_a_point_or_an_exponent() {
        let written = [-0.0, 0.25, 1.0, 250_000.0, 1e6, 1_234_567.0, 5e-5, 1e22, f64::INFINITY].map(bound);
        let texts = ["0.0", "0.25", "1.0", "250000.0", "1e+06", "1.234567e+06", "5e-05", "1e+22", "+Inf"];
        assert_eq!(written, texts);
    }
}
