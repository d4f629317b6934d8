use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Context, Dialect, Template, TemplateError, Value};

static WHOLE: Dialect = Dialect { functions: &[], elsewhere: &["define"], variables: &[("$all", "All")] };

struct Data;

impl Context for Data {
    fn field(&self, name: &str) -> Result<Value, String> {
        let map = BTreeMap::from([
            ("a".to_owned(), Value::Int(1)),
            ("b".to_owned(), Value::Text("two".to_owned())),
        ]);
        match name {
            "All" => Ok(Value::Map(Arc::new(map))),
            "Object" => Ok(Value::Object(Arc::new(BTreeMap::from([("a".to_owned(), Value::Float(1.5))])))),
            "List" => Ok(Value::List([Value::Int(1), Value::Int(2)].into())),
            "Empty" => Ok(Value::List([].into())),
            other => Err(format!("can't evaluate field {other}")),
        }
    }

    fn whole(&self) -> Result<Value, String> {
        Err("not as a whole".to_owned())
    }

    fn call(&self, function: &str, _: &[Value]) -> Result<Value, String> {
        Err(format!("no {function}"))
    }
}

fn run(text: &str) -> Result<String, String> {
    Template::parse(&WHOLE, text).map_err(|e| e.to_string())?.run(&Data)
}

#[test]
fn blocks_change_the_dot_and_end_their_variables() {
    for (text, expected) in [
        ("{{ $all.a }} {{ .All.b }} {{ $.All.b }}", "1 two two"),
        ("{{ with .All }}{{ .a }}{{ $.All.a }}{{ end }}", "11"),
        ("{{ range .List }}<{{ . }}>{{ end }}", "<1><2>"),
        ("{{ range $k, $v := .All }}{{ $k }}={{ $v }};{{ end }}", "a=1;b=two;"),
        ("{{ range .Empty }}x{{ else }}none{{ end }}", "none"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ if .Empty }}a{{ else if $all }}b{{ else }}c{{ end }}", "b"),
        ("a {{- /* no */ -}} b{{ $all }}", "abmap[a:1 b:two]"),
        ("{{ printf \"%v|%g|%5.2f\" 1.5 1e21 2.0 }}", "1.5|1e+21| 2.00"),
        (
            "{{ range 3 }}{{ . }}{{ end }}{{ range $i := 2 }}{{ $i }}{{ end }}{{ range 0 }}x{{ else }}-{{ end }}",
            "01201-",
        ),
        ("{{ range $i, $v := .List }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ $v }}{{ end }}.", "1."),
        ("{{ range .List }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}.", "2."),
        ("{{ with .Empty }}a{{ else with .List }}{{ index . 1 }}{{ end }}", "2"),
    ] {
        assert_eq!(run(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn parts_are_taken_by_place_and_by_key() {
    for (text, expected) in [
        (
            "{{ .List }} {{ .Empty }} {{ .Object }} {{ .Object.none }} {{ printf \"%v %s\" .Object.none .Object.none }}",
            "[1 2] [] map[a:1.5] <no value> <nil> %!s(<nil>)",
        ),
        (
            "{{ index .List 0 }}{{ index $all \"b\" }}{{ index .Object \"a\" }}{{ index \"abc\" 1 }}",
            "1two1.598",
        ),
        (
            "{{ slice \"abcd\" 1 3 }}{{ slice \"abcd\" 2 }}{{ len (slice .List 1) }}{{ len .Object }}",
            "bccd11",
        ),
        ("{{ (index .Object \"none\").more }}", "<no value>"),
        (
            "{{ (index .List 1) }}{{ (.All).b }}{{ eq .Object.none nil }}{{ ne .Object.a nil }}",
            "2twotruetrue",
        ),
        ("{{ print 1 2 \"a\" 3 .Object.none }}{{ println \"a\" 1 }}", "1 2a3 <nil>a 1\n"),
        ("{{ printf \"%d %s %v\" .List .All .Object }}", "[1 2] map[a:%!s(int=1) b:two] map[a:1.5]"),
        // What is behind the part that decides is not looked at.
        (
            "{{ and (len .Empty) (index .Empty 3) }}{{ or 1 (index .Empty 3) }}{{ 2 | or 0 }}{{ 3 | and 1 }}",
            "0123",
        ),
    ] {
        assert_eq!(run(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_template_is_refused_when_it_is_read() {
    for text in [
        "{{ $y }}",
        "{{ if true }}{{ $y := 1 }}{{ end }}{{ $y }}",
        "{{ range .List }}",
        "{{ with }}{{ end }}",
        "{{ end }}",
        "{{ else }}",
        "{{ if true }}{{ else }}{{ else }}{{ end }}",
        "{{ range .List }}{{ else with 1 }}{{ end }}",
        "{{ break }}",
        "{{ if true }}{{ continue }}{{ end }}",
        "{{ range .List }}{{ end }}{{ break }}",
        "{{ .a..b }}",
        "{{ $x, $y := 1 }}",
        "{{ := 1 }}",
        "{{ nope }}",
        "{{ (1 }}",
        "{{ \"x }}",
    ] {
        assert!(matches!(Template::parse(&WHOLE, text), Err(TemplateError::Wrong(_))), "{text}");
    }
    let defines = Template::parse(&WHOLE, "{{ define \"x\" }}{{ end }}");
    assert!(matches!(defines, Err(TemplateError::Unsupported(_))));
}

#[test]
fn what_cannot_be_said_is_an_error() {
    for text in [
        "{{ .None }}",
        "{{ . }}",
        "{{ $all.a.b }}",
        "{{ range true }}{{ end }}",
        "{{ range $i, $v := 5 }}{{ end }}",
        "{{ index .List 2 }}",
        "{{ index .List \"a\" }}",
        "{{ index .Object 1 }}",
        "{{ slice .List 2 1 }}",
        "{{ .Object.none.more }}",
        "{{ $y = 1 }}",
        "{{ nil }}",
    ] {
        assert!(run(text).is_err(), "{text}");
    }
}

#[test]
fn what_a_template_makes_and_does_is_bounded() {
    for (text, told) in [
        ("{{ range 200000 }}{{ end }}", "goes round more than"),
        ("{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}", "goes round more than"),
        ("{{ $x := \"aaaaaaaa\" }}{{ range 40 }}{{ $x = print $x $x }}{{ end }}", "longer than"),
        ("{{ range 100000 }}{{ printf \"%1000d\" 1 }}{{ end }}", "longer than"),
        ("{{ $x := printf \"%1000000d\" 1 }}{{ range 100000 }}{{ $y := len $x }}{{ end }}", "too much work"),
        ("{{ $x := printf \"%1000000d\" 1 }}{{ $y := print $x $x }}", "longer than"),
        (
            "{{ $x := printf \"%1000000d\" 1 }}{{ range 100000 }}{{ if $x }}{{ end }}{{ end }}",
            "too much work",
        ),
        ("{{ $x := printf \"%1000000d%1000000d\" 1 2 }}", "longer than"),
    ] {
        let refused = run(text).expect_err("too much");
        assert!(refused.contains(told), "{text}: {refused}");
    }
}

proptest! {
    #[test]
    fn no_template_makes_it_panic(
        action in r#"[{}().|a-e$:=, "`0-9-]{0,40}"#,
        word in "(if|else|end|printf|with|range|range \\$i, \\$v :=|\\$x :=)",
    ) {
        let _ = run(&format!("{{{{{action}}}}}"));
        let _ = run(&format!("{{{{ {word} {action} }}}}"));
        let _ = run(&format!("{{{{ {word} .List }}}}{{{{ {action} }}}}{{{{ end }}}}"));
    }
}
