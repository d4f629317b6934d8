use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Context, Dialect, Template, TemplateError, Value};

static WHOLE: Dialect =
    Dialect { functions: &[], elsewhere: &["define"], variables: &[("$all", "All")], blocks: true };

struct Data;

impl Context for Data {
    fn field(&self, name: &str) -> Result<Value, String> {
        let map = BTreeMap::from([
            ("a".to_owned(), Value::Int(1)),
            ("b".to_owned(), Value::Text("two".to_owned())),
        ]);
        match name {
            "All" => Ok(Value::Map(Arc::new(map))),
            "List" => Ok(Value::List([Value::Int(1), Value::Int(2)].into())),
            "Empty" => Ok(Value::List([].into())),
            other => Err(format!("can't evaluate field {other}")),
        }
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
    ] {
        assert_eq!(run(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_template_is_refused_when_it_is_read() {
    for text in [
        "{{ $y }}",
        "{{ if true }}{{ $y := 1 }}{{ end }}{{ $y }}",
        "{{ $y = 1 }}",
        "{{ range .List }}",
        "{{ with }}{{ end }}",
        "{{ end }}",
        "{{ else }}",
        "{{ if true }}{{ else }}{{ else }}{{ end }}",
        "{{ range .List }}{{ else with 1 }}{{ end }}",
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
    for text in ["{{ .None }}", "{{ . }}", "{{ .List }}", "{{ $all.a.b }}", "{{ range 5 }}{{ end }}"] {
        assert!(run(text).is_err(), "{text}");
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
