//! Decimal fractions of any length, as sprig counts with them: 0.1 and 0.2 are 0.3. The rules of division are those of the
//! package that it uses, `shopspring/decimal`.

use num_bigint::{BigInt, Sign};

use super::Result;

/// How many places behind the point a quotient has.
const PLACES: i32 = 16;

/// So many tenths, hundredths, … or tens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: BigInt,
    exponent: i32,
}

impl Decimal {
    /// The shortest decimal fraction that reads as this number.
    ///
    /// # Errors
    /// It is infinite or none.
    pub(super) fn of(value: f64) -> Result<Self> {
        let impossible = || format!("Cannot create a Decimal from {value}");
        if !value.is_finite() {
            return Err(impossible());
        }
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').ok_or_else(impossible)?;
        let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{places}").parse().map_err(|_| impossible())?;
        let exponent: i32 = exponent.parse().map_err(|_| impossible())?;
        Ok(Self { digits, exponent: exponent - places.len() as i32 })
    }

    /// The nearest number.
    pub(super) fn value(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { digits: self.at(exponent) + other.at(exponent), exponent }
    }

    pub(super) fn sub(&self, other: &Self) -> Self {
        self.add(&Self { digits: -&other.digits, exponent: other.exponent })
    }

    pub(super) fn mul(&self, other: &Self) -> Self {
        Self { digits: &self.digits * &other.digits, exponent: self.exponent + other.exponent }
    }

    /// Rounded to [`PLACES`], halves away from zero.
    ///
    /// # Errors
    /// The other is zero.
    pub(super) fn div(&self, other: &Self) -> Result<Self> {
        if other.digits.sign() == Sign::NoSign {
            return Err("decimal division by 0".to_owned());
        }
        let places = self.exponent - other.exponent + PLACES;
        let (mut a, mut b) = (self.digits.clone(), other.digits.clone());
        if places >= 0 {
            a *= power(places);
        } else {
            b *= power(-places);
        }
        let (quotient, rest) = (&a / &b, &a % &b);
        let is_half: bool = (rest * 2_i32).magnitude() >= b.magnitude();
        let away = if a.sign() == b.sign() { 1 } else { -1 };
        Ok(Self { digits: if is_half { quotient + away } else { quotient }, exponent: -PLACES })
    }

    /// The digits where the last one counts for ten to the power of an exponent that is not greater than its own.
    fn at(&self, exponent: i32) -> BigInt {
        &self.digits * power(self.exponent - exponent)
    }
}

fn power(of: i32) -> BigInt {
    BigInt::from(10).pow(of.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(value: f64) -> Decimal {
        Decimal::of(value).expect("finite")
    }

    #[test]
    fn what_is_short_in_decimal_stays_short() {
        assert_eq!(of(0.1).add(&of(0.2)).value(), 0.3);
        assert_eq!(of(1.1).mul(&of(1.1)).value(), 1.21);
        assert_eq!(of(0.3).sub(&of(0.1)).value(), 0.2);
        assert_eq!(of(1e300).add(&of(-1e300)).value(), 0.0);
    }

    #[test]
    fn a_quotient_has_sixteen_places() {
        let div = |a, b| of(a).div(&of(b)).map(|q| q.value());
        assert_eq!(div(2.0, 3.0), Ok(0.666_666_666_666_666_7));
        assert_eq!(div(1.0, 7.0), Ok(0.142_857_142_857_142_9));
        assert_eq!(div(-2.0, 3.0), Ok(-0.666_666_666_666_666_7));
        assert_eq!(div(1e-16, 2.0), Ok(1e-16));
        assert_eq!(div(1e-16, 3.0), Ok(0.0));
        assert_eq!(div(1e200, 1e-100), Ok(1e300));
        assert_eq!(div(1.0, 0.0), Err("decimal division by 0".to_owned()));
        assert!(Decimal::of(f64::NAN).is_err() && Decimal::of(f64::INFINITY).is_err());
    }

    proptest! {
        #[test]
        fn every_number_is_read_as_itself(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            prop_assert_eq!(of(value).value(), value);
        }
    }
}
