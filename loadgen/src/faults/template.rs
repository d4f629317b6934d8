//! Words that stand for something: `$name` in a fault's file is a parameter or a victim. Text only.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What words stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Words(BTreeMap<String, Value>);

impl Words {
    pub(super) fn text_is(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), text.into());
    }

    pub(super) fn number_is(&mut self, name: &str, value: f64, whole: bool) {
        let value = if whole { json!(value as i64) } else { json!(value) };
        self.0.insert(name.to_owned(), value);
    }

    /// A value: a text that is a word and nothing else becomes what the word stands for, with its type.
    pub(super) fn value(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(text) => match text.strip_prefix('$').and_then(|name| self.0.get(name)) {
                Some(value) => Ok(value.clone()),
                None => self.text(text).map(Value::String),
            },
            other => Ok(other.clone()),
        }
    }

    pub(super) fn object(&self, object: &Map<String, Value>) -> Result<Map<String, Value>, String> {
        object.iter().map(|(key, value)| Ok((key.clone(), self.value(value)?))).collect()
    }

    /// A text with its words replaced. The error names the word that stands for nothing.
    pub(super) fn text(&self, text: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, after) = rest.split_at(at);
            filled.push_str(before);
            let end = after[1..]
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .map_or(after.len(), |n| n + 1);
            let (word, next) = after.split_at(end);
            match self.0.get(&word[1..]) {
                Some(Value::String(text)) => filled.push_str(text),
                Some(value) => filled.push_str(&value.to_string()),
                // The end of a line in a regular expression.
                None if word == "$" => filled.push('$'),
                None => return Err(format!("`{word}` stands for nothing: it is no parameter and no victim")),
            }
            rest = next;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let mut words = Words::default();
        words.text_is("service", "user-service");
        words.number_is("delay_ms", 40.0, true);
        words.number_is("share", 0.25, false);
        words
    }

    #[test]
    fn words_are_replaced_wherever_they_stand() {
        let text = words().text("rate(x{service=\"$service\",le=~\"a$\"}[$delay_ms])");
        assert_eq!(text.as_deref(), Ok("rate(x{service=\"user-service\",le=~\"a$\"}[40])"));
    }

    #[test]
    fn a_value_that_is_a_word_takes_its_type() {
        assert_eq!(words().value(&json!("$delay_ms")), Ok(json!(40)));
        assert_eq!(words().value(&json!("$share")), Ok(json!(0.25)));
        assert_eq!(words().value(&json!("to $service")), Ok(json!("to user-service")));
        assert_eq!(words().value(&json!(true)), Ok(json!(true)));
    }

    #[test]
    fn a_word_that_stands_for_nothing_is_named() {
        let error = words().text("$servce").expect_err("mistyped");
        assert!(error.contains("`$servce`"), "{error}");
    }
}
