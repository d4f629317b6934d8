//! Reads types from JSON that was parsed, taking an object where a type has names and never an array.
//!
//! serde reads a struct from an array of its fields, too, in the order of their declaration. In an API whose fields have
//! names, that is a wrong type that would be taken for a right one.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde_json::Value;

use crate::wrong::Wrong;

/// Reads a type.
///
/// # Errors
/// What does not fit, and its place: `items[0].quantity: expected a whole number, got "two"`.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let place = error.path().to_string();
        error.into_inner().at(if place == "." { "" } else { &place })
    })
}

struct Strict(Value);

impl IntoDeserializer<'_, Wrong> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Strict {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Strict));
                let value = visitor.visit_seq(&mut items)?;
                items.end().map(|()| value)
            }
            Value::Object(fields) => {
                let mut fields = MapDeserializer::new(fields.into_iter().map(|(k, v)| (k, Strict(v))));
                let value = visitor.visit_map(&mut fields)?;
                fields.end().map(|()| value)
            }
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(truth),
            Value::String(text) => visitor.visit_string(text),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (.., number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Array(_) => Err(Wrong::invalid_type(Unexpected::Seq, &"an object")),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.0.deserialize_enum(name, variants, visitor).map_err(Wrong::custom)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Order {
        user: i64,
        #[serde(default)]
        items: Vec<Item>,
        note: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Item {
        product: i64,
    }

    #[test]
    fn objects_are_read_with_what_they_leave_out_and_add() {
        let order = read::<Order>(json!({"user": 1, "items": [{"product": 2, "more": [1]}], "note": null}));
        assert_eq!(order, Ok(Order { user: 1, items: vec![Item { product: 2 }], note: None }));
        assert_eq!(read::<Vec<Option<u8>>>(json!([1, null])), Ok(vec![Some(1), None]));
    }

    #[test]
    fn an_array_of_the_fields_is_a_wrong_type_at_every_depth() {
        let said = |value: Value| read::<Order>(value).unwrap_err();
        assert_eq!(said(json!([1, [], null])), "the body: expected an object, got a list");
        assert_eq!(
            said(json!({"user": 1, "items": [{"product": 1}, [2]]})),
            "items[1]: expected an object, got a list"
        );
    }

    #[test]
    fn a_wrong_type_is_told_with_its_place_in_words_of_the_api() {
        let said = |value: Value| read::<Order>(value).unwrap_err();
        let many = "x".repeat(100);
        for (value, told) in [
            (json!({"user": "x"}), r#"user: expected a whole number, got "x""#),
            (json!({"user": 1.5}), "user: expected a whole number, got 1.5"),
            (
                json!({"user": u64::MAX}),
                "user: expected a whole number within range, got 18446744073709551615",
            ),
            (json!({"user": null}), "user: expected a whole number, got null"),
            (json!({"user": many}), &format!("user: expected a whole number, got \"{}…\"", "x".repeat(40))),
            (json!({"items": []}), "user: is missing"),
            (json!({"user": 1, "items": [{}]}), "items[0].product: is missing"),
            (json!({"user": 1, "items": {}}), "items: expected a list, got an object"),
            (json!({"user": 1, "items": [7]}), "items[0]: expected an object, got 7"),
            (json!({"user": 1, "note": true}), "note: expected text, got true"),
            (json!("order"), r#"the body: expected an object, got "order""#),
        ] {
            assert_eq!(said(value), told);
        }
    }
}
