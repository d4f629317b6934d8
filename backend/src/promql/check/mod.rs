//! Says what is wrong with a query, where, and in Prometheus' words: its tokens, its grammar with the mistakes that the
//! grammar foresees, its types. The first mistake is the answer, as there. No query is made anything of here: what is right
//! is read again by the grammar crate, which tells no place.

mod durations;
mod functions;
mod grammar;
mod labels;
mod lexer;
mod modifiers;
mod tree;
mod types;

use super::QueryError;
use super::notes::position;
use crate::labels::NAME;
use crate::matcher::Matcher;

pub(super) use durations::seconds;

/// What is wrong, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mistake {
    at: usize,
    message: String,
}

/// Refuses what Prometheus refuses before it evaluates anything.
///
/// # Errors
/// [`QueryError::Bad`] with line and column.
pub(super) fn check(text: &str) -> Result<(), QueryError> {
    let checked = grammar::Parser::new(text).query().and_then(|expr| types::check(&expr, text).map(|_| ()));
    checked.map_err(|mistake| placed(text, &mistake))
}

/// The conditions of a text that is one selector, without modifiers.
///
/// # Errors
/// [`QueryError::Bad`] with line and column.
pub(super) fn selector(text: &str) -> Result<Vec<Matcher>, QueryError> {
    let selector = grammar::Parser::new(text).only_selector().map_err(|mistake| placed(text, &mistake))?;
    let name = selector.name.map(|name| Matcher::new(NAME, "=", &name));
    let others = selector.matchers.iter().map(|m| Matcher::new(&m.name, m.operator, &m.value));
    name.into_iter().chain(others).collect::<Result<_, _>>().map_err(QueryError::Bad)
}

fn placed(text: &str, mistake: &Mistake) -> QueryError {
    let at = (!text.is_empty()).then_some(mistake.at);
    QueryError::Bad(format!("{}: parse error: {}", position(text, at), mistake.message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mistake_has_its_place_and_words() {
        for (query, said) in [
            ("", "unknown position: parse error: no expression found in input"),
            (" # nothing", "1:1: parse error: no expression found in input"),
            ("sum(", "1:5: parse error: unclosed left parenthesis"),
            ("a +\n  * b", "2:3: parse error: unexpected <op:*>"),
            ("sum by (job) up", "1:14: parse error: unexpected identifier \"up\" in aggregation"),
            ("sum by (1) (up)", "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"),
            ("up{job=5}", "1:8: parse error: unexpected character inside braces: '5'"),
            (
                "up{job}",
                "1:7: parse error: unexpected \"}\" in label matching, expected label matching operator",
            ),
            ("up[5]m", "1:6: parse error: unexpected identifier \"m\""),
            ("up[5m:", "1:7: parse error: unclosed left bracket"),
            (
                "up offset by",
                "1:11: parse error: unexpected <by> in offset, expected number, duration, step(), or range()",
            ),
            (
                "rate(up)",
                "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector",
            ),
            ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
            ("foo(up)", "1:1: parse error: unknown function with name \"foo\""),
            ("sum(mad_over_time(up[5m]))", "1:5: parse error: function \"mad_over_time\" is not enabled"),
            ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
            ("up @ 'x'", "1:6: parse error: unexpected string \"'x'\" in @, expected timestamp"),
        ] {
            assert_eq!(check(query), Err(QueryError::Bad(said.to_owned())), "{query}");
        }
    }

    #[test]
    fn what_is_right_is_let_through() {
        for query in [
            "sum by (le, \"a b\") (rate(x_bucket{job=~\"a|b\", y!=''}[5m] offset -1h @ end())) / on () group_left up",
            "up > bool -2 ^ -2 * -(3 - 4) or vector(0)",
            "max_over_time((a and b unless c)[1h30m:10s * 2]) atan2 {__name__=\"x\", \"a.b\"=`c\\d`}",
            "by + without{a='b'} - sum - start + range # words that are names here",
            "label_join(up, 'a', ',', 'b', 'c') == on (a) group_right (b,) count_values('x', y) without ()",
            "up offset -(5m + 1s) % time()",
            "x[max_of(1m, 2m) ^ 2:] @ 1.5e9",
            "1_000 + 0x1F + 010 + Inf + NaN + .5",
        ] {
            assert_eq!(check(query), Ok(()), "{query}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        for query in ["a^".repeat(4000) + "a", "a+".repeat(4000) + "a", "-".repeat(4000) + "a"] {
            let _ = check(&query);
        }
        assert!(check(&("(".repeat(4000) + "a" + &")".repeat(4000))).is_err());
        assert!(check(&format!("a[{}1m]", "-(".repeat(2000))).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}", near in "[a-z0-9(){}\\[\\]+*@:,='\"\\\\`. #\\n]{0,40}") {
            let _ = (check(&text), check(&near), selector(&near), selector(&text));
        }

        #[test]
        fn what_is_wrong_has_a_place(text in "[a-z0-9(){}\\[\\]+*@:,='\" ]{1,30}") {
            if let Err(error) = check(&text) {
                prop_assert!(error.to_string().starts_with("1:"), "{error}");
            }
        }
    }
}
