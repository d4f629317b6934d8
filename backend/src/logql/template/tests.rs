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
        ("doc", r#"{"list":[{"n":1},{"n":2.5}],"text":"x","none":null}"#),
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
fn blocks_go_through_what_json_says() {
    is("{{ range $i, $e := (fromJson .doc).list }}{{ $i }}:{{ $e.n }} {{ end }}", "0:1 1:2.5 ");
    is(
        "{{ $d := fromJson .doc }}{{ with $d.text }}{{ . }}{{ $.app }}{{ end }}{{ $d.none }}",
        "xshop<no value>",
    );
    is("{{ index (fromJson .doc) \"list\" 1 \"n\" }} {{ fromJson \"[1,\" }}", "2.5 <no value>");
    is(
        "{{ range $k, $v := . }}{{ if eq $v \"shop\" \"12\" }}{{ $k }} {{ end }}{{ end }}{{ len . }}",
        "app n 6",
    );
    assert!(run("{{ .app.name }}").is_err());
    assert!(run(r#"{{ fromJson (repeat 1000 "[") }}"#).is_err());
}

#[test]
fn times_are_read_written_and_counted() {
    is("{{ __timestamp__ | date \"2006-01-02T15:04:05.000Z07:00\" }}", "2023-11-14T22:13:20.123Z");
    is(
        "{{ date \"15:04\" 3600 }} {{ unixToTime \"1700000000123\" | unixEpochMillis }}",
        "01:00 1700000000123",
    );
    is(
        "{{ toDate \"2006-01-02\" \"2023-11-14\" | unixEpoch }} {{ toDate \"2006\" \"x\" }}",
        "1699920000 0001-01-01 00:00:00 +0000 UTC",
    );
    is(
        "{{ toDateInZone \"2006-01-02 -0700\" \"Nowhere\" \"2023-11-14 +0100\" | unixEpochNanos }}",
        "1699916400000000000",
    );
    is("{{ if gt (now | unixEpoch | int) 1700000000 }}later{{ end }}", "later");
    assert!(run("{{ unixToTime \"123\" }}").is_err());
    assert!(run("{{ unixToTime \"9999999999999999\" }}").is_ok());
    assert!(run("{{ unixEpoch .app }}").is_err());
}

#[test]
fn texts_are_encoded_and_decoded() {
    is(
        "{{ b64enc .path }} {{ b64enc .path | b64dec }} {{ b64dec \"YQ\" }}",
        "L2EvYiBj /a/b c illegal base64 data at input byte 0",
    );
}

#[test]
fn what_functions_make_is_bounded() {
    for template in [
        r#"{{ $x := repeat 1000000 "x" }}{{ replace "x" $x $x }}"#,
        r#"{{ $x := repeat 1000000 "x" }}{{ Replace $x "" $x -1 }}"#,
        r#"{{ $x := repeat 1000000 "x" }}{{ regexReplaceAll "x" $x "$0$0$0" }}"#,
        r#"{{ $x := repeat 100000 "$0" }}{{ regexReplaceAll ".*" (repeat 100000 "x") $x }}"#,
        r#"{{ regexReplaceAllLiteral "x" (repeat 1000 "x") (repeat 10000 "y") }}"#,
        r#"{{ indent 100000 (repeat 100000 "\n") }}"#,
        r#"{{ alignLeft 2000000 .app }}"#,
        r#"{{ range 100000 }}{{ $x := regexReplaceAll "[a-z]+" $.app "y" }}{{ end }}"#,
        r#"{{ $x := printf "[%s1]" (repeat 200000 "1,") }}{{ range 100 }}{{ $y := fromJson $x }}{{ end }}"#,
    ] {
        assert!(run(template).is_err(), "{template}");
    }
    is(r#"{{ alignLeft -1 .app }}"#, "shop");
}

#[test]
fn what_a_template_names_is_known_before_it_is_filled() {
    let names = |template: &str| Template::parse("line", template).expect("a template").names();
    assert_eq!(
        names("{{ if .a.b }}{{ range .c }}{{ .d }}{{ end }}{{ end }}{{ $x := .e }}{{ $x.f }}"),
        ["a", "b", "c", "d", "e"]
    );
    assert_eq!(names("{{ (fromJson .a).b }}{{ (lower .c) }}{{ $.d }}"), ["c"]);
    let field =
        |template: &str| Template::parse("line", template).expect("a template").field().map(str::to_owned);
    assert_eq!(field("{{ .a }}").as_deref(), Some("a"));
    assert_eq!(field("{{ .a.b }}"), None);
}

#[test]
fn what_is_not_there_is_refused() {
    for template in [
        "{{ define \"a\" }}{{ end }}",
        "{{ js .app }}",
        "{{ $x }}",
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
