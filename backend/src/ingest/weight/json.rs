//! Weighs JSON as it is read, keeping nothing of it. What no field is known for is weighed, too: the decoder may have to
//! hold it until it knows what to make of it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Holds, Shape, Sum};

/// What a value takes that is held undecided.
const UNDECIDED: usize = 32;
/// Fields that a message may have that hold nothing else, and take no room of their own.
const OWN: usize = 32;

/// Weighs one message.
///
/// # Errors
/// It is not JSON, not of the shape, or takes more than it may: then the sum is beyond its bound.
pub(super) fn message(shape: &'static Shape, bytes: &[u8], sum: &mut Sum) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    reader.deserialize_any(Value { is: Is::Message(shape), sum })?;
    reader.end()
}

/// What a value is.
#[derive(Clone, Copy)]
enum Is {
    Message(&'static Shape),
    Field(Holds),
    /// Part of a row, and neither a list nor an object.
    Plain,
    Unknown,
}

struct Value<'s> {
    is: Is,
    sum: &'s mut Sum,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        match self.is {
            Is::Field(Holds::One(shape)) => value.deserialize_any(Self { is: Is::Message(shape), ..self }),
            _ => value.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is {
            Is::Message(shape) if shape.is_row => "a list of a few parts",
            Is::Message(_) => "an object",
            Is::Plain => "a text",
            _ => "a value",
        })
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        match self.is {
            Is::Message(shape) if shape.is_row => {
                for part in 1.. {
                    let field = shape.fields.iter().find(|(number, ..)| *number == part);
                    let is = field.map_or(Is::Plain, |(.., holds)| Is::Field(*holds));
                    if list.next_element_seed(Value { is, sum: self.sum })?.is_none() {
                        break;
                    }
                    if field.is_none() && part > 2 {
                        return Err(A::Error::invalid_length(part as usize, &self));
                    }
                }
                return Ok(());
            }
            Is::Message(_) | Is::Plain => {
                return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
            }
            Is::Field(_) | Is::Unknown => {}
        }
        let (each, is) = match self.is {
            Is::Field(Holds::Many(shape)) => (shape.bytes, Is::Message(shape)),
            Is::Field(Holds::Texts) => (size_of::<String>(), Is::Plain),
            Is::Field(Holds::Numbers(_)) => (UNDECIDED, Is::Plain),
            _ => (UNDECIDED, Is::Unknown),
        };
        while list.next_element_seed(Counted { each, value: Value { is, sum: self.sum } })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let fields = match self.is {
            Is::Plain => return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self)),
            Is::Message(shape) => shape.fields,
            _ => &[],
        };
        // Pairs as an object, or what nothing is known of.
        let (each, inner) = match self.is {
            Is::Field(Holds::Many(shape)) => (shape.bytes, Is::Plain),
            _ => (2 * UNDECIDED, Is::Unknown),
        };
        let mut own = if matches!(self.is, Is::Message(_)) { OWN } else { 0 };
        while let Some(known) = map.next_key_seed(Key(fields))? {
            let is = known.map_or(inner, Is::Field);
            let each = if known.is_some() || own > 0 { 0 } else { each };
            own = own.saturating_sub(1);
            map.next_value_seed(Counted { each, value: Value { is, sum: self.sum } })?;
        }
        Ok(())
    }
}

/// A value that takes some bytes itself.
struct Counted<'s> {
    each: usize,
    value: Value<'s>,
}

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        self.value.sum.add(self.each).map_err(D::Error::custom)?;
        self.value.deserialize(value)
    }
}

/// A field's name: what the field holds, when it is known.
struct Key(&'static [(u64, &'static str, Holds)]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<Holds>;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Self::Value, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<Holds>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|(_, known, _)| *known == name).map(|(.., holds)| *holds))
    }
}
