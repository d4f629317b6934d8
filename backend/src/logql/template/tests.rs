use std::sync::Arc;

use proptest::prelude::*;

use super::Template;
use crate::labels::Labels;
use crate::logql::fields::Fields;
use crate::logql::hints::Hints;
use crate::store::logs::Entry;

fn run(template: &str) -> Result<String, String> {
    let stream = Arc::new(Labels::new([
        ("app", "shop"),
        ("n", "12"),
        ("size", "2KiB"),
        ("took", "1.5s"),
        ("path", "/a/b c"),
    ]));
    let entry = Entry { stream: &stream, ts_ns: 1_700_000_000_123_000_000, line: "the line", metadata: &[] };
    let template = Template::parse("line", template).map_err(|e| e.to_string())?;
    template.run(&Fields::new(&entry, &Hints::default()))
}

fn is(template: &str, expected: &str) {
    assert_eq!(run(template).as_deref(), Ok(expected), "{template}");
}

#[test]
fn fields_and_the_line_are_put_in_and_a_missing_one_is_empty() {
    is("{{.app}}: {{ __line__ }}<{{.nothing}}>", "shop: the line<>");
    is("{{ __timestamp__ | unixEpoch }}", "1700000000");
    is("{{ __timestamp__ }}", "2023-11-14 22:13:20.123 +0000 UTC");
    is("a  {{- .app -}}  b {{/* nothing */}}", "ashopb ");
}

#[test]
fn functions_take_the_pipeline_as_their_last_argument() {
    is(r#"{{ .app | upper | replace "SH" "D" }}"#, "DOP");
    is(
        r#"{{ Replace .app "o" "0" -1 }}{{ printf "%-6s|%05.1f|%3d" .app (float64 .n) (int .n) }}"#,
        "sh0pshop  |012.0| 12",
    );
    is(r#"{{ .path | urlencode }} {{ substr 1 2 .path }} {{ trunc -3 .path }}"#, "%2Fa%2Fb+c a b c");
    is(
        r#"{{ regexReplaceAll "(s)(h)" .app "${2}${1}" }}{{ alignLeft 6 .app }}|{{ alignRight 2 .app }}"#,
        "hsopshop  |op",
    );
    is(r#"{{ default "x" .nothing }} {{ count "[a-z]" .app }} {{ title "a b" }}"#, "x 4 A B");
}

#[test]
fn numbers_are_read_from_text() {
    is("{{ add .n 1 }} {{ div .n 5 }} {{ addf 0.1 0.2 }} {{ .n | int | mul 2 }}", "13 2 0.3 24");
    is("{{ bytes .size }} {{ duration .took }} {{ round 1.255 1 }} {{ floor 1.9 }}", "2048 1.5 1.3 1");
    assert!(run("{{ div 1 0 }}").is_err());
    is("{{ int .app }}", "0");
}

#[test]
fn conditions_choose() {
    is(r#"{{ if eq .app "shop" }}a{{ else }}b{{ end }}"#, "a");
    is(r#"{{ if .nothing }}a{{ else if contains "ho" .app }}b{{ else }}c{{ end }}d"#, "bd");
    is(r#"{{ if and .app (not .nothing) }}a{{ end }}{{ if or .nothing false }}b{{ end }}"#, "a");
    is(r#"{{ if .nothing }}a{{ else if .nothing }}b{{ else }}c{{ end }}"#, "c");
    assert!(run(r#"{{ if gt .n 1 }}a{{ end }}"#).is_err(), "a text is not compared with a number");
}

#[test]
fn what_is_not_there_is_refused() {
    for template in [
        "{{ range .x }}{{ end }}",
        "{{ $x := 1 }}",
        "{{ now }}",
        "{{ .a.b }}",
        "{{",
        "{{ }}",
        "{{ if .a }}",
        "{{ end }}",
        "{{ else }}",
        "{{ .a | .b }}",
        "{{ (.a }}",
        "{{ .a) }}",
        "{{ \"x }}",
    ] {
        assert!(Template::parse("line", template).is_err(), "{template}");
    }
}

proptest! {
    #[test]
    fn no_template_makes_it_panic(text in "\\PC{0,40}", action in r#"[{}().|a-e "`0-9-]{0,40}"#, word in "(if|else|end|printf|substr|trunc)") {
        let _ = run(&text);
        let _ = run(&format!("{{{{{action}}}}}"));
        let _ = run(&format!("{{{{ {word} {action} }}}}"));
    }
}
