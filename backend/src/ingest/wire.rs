//! Protobuf on the wire: the fields of a message, one after the other, without knowing what they mean.

/// What was read, or what is wrong, in a few words.
pub(crate) type Read<T> = Result<T, &'static str>;

/// The value of one field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'b> {
    Number(u64),
    Fixed(u64),
    Bytes(&'b [u8]),
}

impl<'b> Field<'b> {
    pub(super) fn bytes(self) -> Read<&'b [u8]> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err("a message's field is not one") }
    }

    pub(super) fn text(self) -> Read<&'b str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "a text is not UTF-8")
    }

    pub(super) fn number(self) -> Read<u64> {
        if let Self::Number(number) = self { Ok(number) } else { Err("a number's field is not one") }
    }

    pub(super) fn fixed(self) -> Read<u64> {
        if let Self::Fixed(bits) = self { Ok(bits) } else { Err("a value's field is not one") }
    }
}

/// Calls `f` with each field of a message.
pub(super) fn each<'b>(mut bytes: &'b [u8], mut f: impl FnMut(u64, Field<'b>) -> Read<()>) -> Read<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Field::Number(varint(&mut bytes)?),
            1 => Field::Fixed(u64::from_le_bytes(fixed(&mut bytes)?)),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).unwrap_or(usize::MAX);
                let (value, rest) = bytes.split_at_checked(length).ok_or("unexpected EOF")?;
                bytes = rest;
                Field::Bytes(value)
            }
            5 => Field::Fixed(u32::from_le_bytes(fixed(&mut bytes)?).into()),
            _ => return Err("illegal wire type"),
        };
        if key >> 3 == 0 {
            return Err("illegal tag 0");
        }
        f(key >> 3, value)?;
    }
    Ok(())
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Read<[u8; N]> {
    let (value, rest) = bytes.split_first_chunk().ok_or("unexpected EOF")?;
    *bytes = rest;
    Ok(*value)
}

fn varint(bytes: &mut &[u8]) -> Read<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or("unexpected EOF")?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("integer overflow")
}
