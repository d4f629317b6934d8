//! Texts that clients send: searches, names, ids.
//!
//! A control character means nothing in any of them, and something else wherever such a text ends up: a NUL ends a pattern
//! of SQLite's, others move a terminal's cursor. Lengths are checked where the bound is known.

/// Refuses control characters.
///
/// # Errors
/// What is wrong, beginning with the field's name.
pub fn check(field: &str, text: &str) -> Result<(), String> {
    match text.chars().find(|character| character.is_control()) {
        Some(character) => {
            Err(format!("{field}: holds the control character U+{:04X}", u32::from(character)))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_control_character_is_named_with_its_field() {
        assert_eq!(check("q", "a\0b"), Err("q: holds the control character U+0000".to_owned()));
        for text in ["\n", "a\t", "\u{1b}[2J", "\u{7f}", "\u{85}"] {
            assert!(check("q", text).is_err(), "{text:?}");
        }
        for text in ["", "usb hub", "é", "50%", "日本"] {
            assert_eq!(check("q", text), Ok(()), "{text:?}");
        }
    }
}
