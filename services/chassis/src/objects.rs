//! Reads types from JSON that was parsed, taking an object where a type has names and never an array.
//!
//! serde reads a struct from an array of its fields, too, in the order of their declaration. In an API whose fields have
//! names, that is a wrong type that would be taken for a right one.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde_json::{Error, Value};

/// Reads a type.
///
/// # Errors
/// What does not fit, and its place: `items[0].quantity: invalid type: string "two", expected i64`.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let place = error.path().to_string();
        let error = error.into_inner();
        if place == "." { error.to_string() } else { format!("{place}: {error}") }
    })
}

struct Strict(Value);

impl IntoDeserializer<'_, Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Strict {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
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
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(_) => Err(Error::invalid_type(Unexpected::Seq, &"an object")),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
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
        assert_eq!(said(json!([1, [], null])), "invalid type: sequence, expected an object");
        assert_eq!(
            said(json!({"user": 1, "items": [{"product": 1}, [2]]})),
            "items[1]: invalid type: sequence, expected an object"
        );
    }

    #[test]
    fn a_wrong_type_is_told_with_its_place() {
        let said = |value: Value| read::<Order>(value).unwrap_err();
        assert_eq!(said(json!({"user": "x"})), "user: invalid type: string \"x\", expected i64");
        assert_eq!(said(json!({"items": []})), "missing field `user`");
    }
}
