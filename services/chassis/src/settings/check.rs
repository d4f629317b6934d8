//! What a setting takes, and what is said of a value that it does not take. Pure.

use serde_json::{Map, Value, json};

/// What a setting is, for people and for the check of a value.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub(super) default: Value,
    pub(super) unit: &'static str,
    pub(super) takes: Takes,
    pub(super) description: &'static str,
}

/// The values of a setting.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Takes {
    Integers { min: i64, max: i64 },
    Numbers { min: f64, max: f64 },
    Flags,
    Names(Vec<&'static str>),
}

impl Described {
    /// The value as it is kept, or what would be taken instead.
    pub(super) fn check(&self, value: &Value) -> Result<Value, String> {
        let taken = match &self.takes {
            Takes::Integers { min, max } => {
                whole(value).filter(|number| (min..=max).contains(&number)).map(Value::from)
            }
            Takes::Numbers { min, max } => {
                value.as_f64().filter(|number| (*min..=*max).contains(number)).map(Value::from)
            }
            Takes::Flags => value.as_bool().map(Value::from),
            Takes::Names(names) => names.iter().find(|name| value == **name).map(|name| Value::from(*name)),
        };
        taken.ok_or_else(|| format!("{value} is not {}", self.allowed()))
    }

    /// The values in words: `a whole number from 1 to 64 (connections)`.
    pub(super) fn allowed(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" ({})", self.unit) };
        match &self.takes {
            Takes::Integers { min, max } => format!("a whole number from {min} to {max}{unit}"),
            Takes::Numbers { min, max } => format!("a number from {min} to {max}{unit}"),
            Takes::Flags => "true or false".to_owned(),
            Takes::Names(names) => format!("one of {}", names.join(", ")),
        }
    }

    /// The setting as `GET /settings` shows it.
    pub(super) fn shown(&self, value: &Value) -> Value {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        put("value", value.clone());
        put("default", self.default.clone());
        put("unit", self.unit.into());
        match &self.takes {
            Takes::Integers { min, max } => {
                put("min", (*min).into());
                put("max", (*max).into());
            }
            Takes::Numbers { min, max } => {
                put("min", (*min).into());
                put("max", (*max).into());
            }
            Takes::Flags => put("allowed", json!([true, false])),
            Takes::Names(names) => put("allowed", json!(names)),
        }
        put("description", self.description.into());
        Value::Object(shown)
    }
}

/// A whole number, also when it is written as one with a point.
fn whole(value: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.as_i64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < EXACT)?;
        format!("{number:.0}").parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(takes: Takes, unit: &'static str) -> Described {
        Described { default: Value::Null, unit, takes, description: "" }
    }

    #[test]
    fn a_value_of_the_right_type_and_range_is_taken_as_it_is_meant() {
        let pool = described(Takes::Integers { min: 1, max: 64 }, "connections");
        assert_eq!(pool.check(&json!(4)), Ok(json!(4)));
        assert_eq!(pool.check(&json!(4.0)), Ok(json!(4)));
        let ratio = described(Takes::Numbers { min: 0.0, max: 1.0 }, "");
        assert_eq!(ratio.check(&json!(1)), Ok(json!(1.0)));
        assert_eq!(described(Takes::Flags, "").check(&json!(true)), Ok(json!(true)));
        let plan = described(Takes::Names(vec!["indexed", "scan"]), "");
        assert_eq!(plan.check(&json!("scan")), Ok(json!("scan")));
    }

    #[test]
    fn any_other_value_is_told_what_would_be_taken() {
        let pool = described(Takes::Integers { min: 1, max: 64 }, "connections");
        let said = "a whole number from 1 to 64 (connections)";
        for wrong in [json!(0), json!(65), json!(1.5), json!("4"), json!(null), json!([4]), json!(1e300)] {
            assert_eq!(pool.check(&wrong), Err(format!("{wrong} is not {said}")));
        }
        assert!(described(Takes::Flags, "").check(&json!(1)).is_err());
        assert!(described(Takes::Numbers { min: 0.0, max: 1.0 }, "").check(&json!(1.01)).is_err());
        let plan = described(Takes::Names(vec!["indexed", "scan"]), "");
        assert_eq!(plan.check(&json!("Scan")), Err("\"Scan\" is not one of indexed, scan".to_owned()));
    }
}
