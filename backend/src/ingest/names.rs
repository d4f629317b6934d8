//! Names of labels as Prometheus and Loki make them of the names of attributes. Pure.

/// A valid label name: other characters become `_`, and a leading digit gets `key_` before it.
pub(crate) fn label_name(name: &str) -> String {
    let mut out: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert_str(0, "key_");
    }
    out
}

/// The name of structured metadata, where several `_` are one; `None` where no letter and no digit is in it.
pub(crate) fn metadata_name(name: &str) -> Option<String> {
    let mut out = label_name(name);
    let mut before = None;
    out.retain(|c| before.replace(c) != Some('_') || c != '_');
    (!matches!(out.as_str(), "" | "_")).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_has_the_names_that_loki_gives() {
        for (name, made) in [
            ("user.name", "user_name"),
            ("9.9", "key_9_9"),
            ("a..b__c", "a_b_c"),
            ("x ä y", "x_y"),
            ("___x__", "_x_"),
            ("Ünder", "_nder"),
        ] {
            assert_eq!(metadata_name(name).as_deref(), Some(made));
        }
        for name in ["", "_", "..", "日本"] {
            assert_eq!(metadata_name(name), None, "{name}");
        }
    }
}
