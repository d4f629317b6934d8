//! What is read as Go reads it, and refused as Go refuses it.

use proptest::prelude::*;

use crate::matcher::compile;

#[test]
fn what_go_reads_otherwise_is_read_as_go_does() {
    for (pattern, text, matches) in [
        (r"^\d+$", "12", true),
        (r"^\d+$", "١٢", false),
        (r"^\w+$", "größe", false),
        (r"^\W$", "ö", true),
        (r"^[\w-]+$", "a-b_1", true),
        (r"^[^\s]+$", "a\u{a0}b", true),
        (r"\bgr\b", "größe", true),
        (r"^g\Br", "gr", true),
        (r#"^{"a":1}$"#, r#"{"a":1}"#, true),
        (r"^a{2}{,}$", "aa{,}", true),
        (r"^a{02}$", "a{02}", true),
        (r"^[[]a[]]$", "[a]", true),
        (r"^[a&&b]+$", "a&b", true),
        (r"^[+--]+$", "+,-", true),
        (r"^[[:alpha:]]+$", "abc", true),
        (r"^[[:^alpha:]]+$", "12", true),
        (r"^[[:word:]]+$", "a_1", true),
        (r"^[[:punct:][:space:]]+$", "[ ]", true),
        (r"^[[:alpha]+$", "[:alph", true),
        (r"^\<a\>$", "<a>", true),
        (r"^\Qa.b\E.$", "a.bc", true),
        (r"^\Qab\E+$", "abb", true),
        (r"^\Qa*", "a*", true),
        (r"^[^]]+$", "abc", true),
        (r"^\101\0$", "A\0", true),
        (r"^\x41\x{42}$", "AB", true),
        (r"^\pN+\p{^Greek}\P{^Lu}$", "1aB", true),
        (r"^\p{Greek}\p{LC}\p{Any}$", "αB1", true),
        (r"^[\p{Han}\PL]+$", "漢1", true),
        (r"^(?i)s$", "ſ", true),
        (r"^(?i)[^k]$", "\u{212a}", false),
        (r"^(?i)\w+$", "ſ\u{212a}", true),
        (r"^a(?i)*B$", "aab", true),
        (r"^(?i:a)(?-i)B$", "AB", true),
        (r"^(?)a$", "a", true),
        (r"a\z", "a\n", false),
        (r"(?m)^b$", "a\nb", true),
        (r"(?U)^a+$", "aa", true),
        (r"^[\x{D800}-\x{E000}]$", "\u{e000}", true),
        (r"\x{D800}", "x", false),
        (r"^[^\x00-\x{10FFFF}]?$", "", true),
        (r"^ ]}$", " ]}", true),
        (r"^(?<n>a)(?P<m>b)$", "ab", true),
        (r"a||b", "c", true),
        (r"^*a$", "a", true),
    ] {
        let regex = compile(pattern).expect(pattern);
        assert_eq!(regex.is_match(text), matches, "{pattern} in {text}");
        assert_eq!(regex.source(), pattern);
    }
}

#[test]
fn what_go_refuses_is_refused_in_its_words() {
    for (pattern, said) in [
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
        ("a[b", "missing closing ]: `[b`"),
        ("[]", "missing closing ]: `[]`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        (r"[a-\d]", r"invalid escape sequence: `\d`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
        (r"\p{Alphabetic}", r"invalid character class range: `\p{Alphabetic}`"),
        (r"\p{greek}", r"invalid character class range: `\p{greek}`"),
        (r"\p{GREEK}", r"invalid character class range: `\p{GREEK}`"),
        (r"\p{IsGreek}", r"invalid character class range: `\p{IsGreek}`"),
        (r"\p{Letter}", r"invalid character class range: `\p{Letter}`"),
        (r"\p{Grek}", r"invalid character class range: `\p{Grek}`"),
        (r"\pé", r"invalid character class range: `\pé`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*+b", "invalid nested repetition operator: `*+`"),
        ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
        ("a???", "invalid nested repetition operator: `???`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("(+)", "missing argument to repetition operator: `+`"),
        ("a|{2}", "missing argument to repetition operator: `{2}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{3,2}", "invalid repeat count: `{3,2}`"),
        ("(a{100}){11}", "invalid repeat count: `{11}`"),
        (r"a\", "trailing backslash at end of expression: ``"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"\E", r"invalid escape sequence: `\E`"),
        (r"\Z", r"invalid escape sequence: `\Z`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\u0041", r"invalid escape sequence: `\u`"),
        (r"\x4", r"invalid escape sequence: `\x4`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        (r"[\b]", r"invalid escape sequence: `\b`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?P<a.b>c)", "invalid named capture: `(?P<a.b>`"),
        ("(?P<a", "invalid named capture: `(?P<a`"),
    ] {
        let error = compile(pattern).map(|_| ()).expect_err(pattern);
        assert_eq!(error, format!("error parsing regexp: {said}"), "{pattern}");
    }
}

proptest! {
    #[test]
    fn no_pattern_makes_it_panic(text in "\\PC{0,30}", near in r"[\[\]{}()\\dwsQEpPxN^:&~a0,?*|-]{0,30}") {
        let _ = (compile(&text), compile(&near));
    }

    #[test]
    fn what_is_translated_compiles(near in r"([a-c.^$|]|\[a-c\]|\(b\)|[a-c][*+?]|\\[dDwWsSbB]){0,20}") {
        if let Err(error) = compile(&near) {
            prop_assert!(error.contains("missing argument") || error.contains("nested repetition"), "{error}");
        }
    }
}
