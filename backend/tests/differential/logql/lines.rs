//! The lines that both are given: JSON, logfmt, an access log, and lines that are none of them; ten minutes of each.

use serde_json::{Value, json};

/// How many entries all streams have together.
pub(crate) const ENTRIES: usize = 60 * 3 + 20 + 10;

/// A push of everything, from `start_s` on.
pub(crate) fn push(start_s: u64) -> Value {
    let at = |seconds: usize, stream: usize| {
        (start_s * 1_000_000_000 + seconds as u64 * 1_000_000_000 + stream as u64 * 1000 + 7).to_string()
    };
    let status = |i: usize| [200, 200, 404, 500, 503][i % 5];
    let level = |i: usize| ["info", "info", "warn", "error", "error"][i % 5];
    let api = |i: usize| {
        json!([at(i * 10, i % 2), format!(
            r#"{{"level":"{}","method":"{}","path":"/items/{}","status":{},"took":"{}.5ms","size":"{}KB","bytes_sent":{},"ratio":0.{},"nested":{{"user":"u{}","list":[1,{{"a":"b"}}],"deep":{{"x":{i}}}}},"app":"inner","ok":{},"nil":null,"empty":"","odd key-1":"o","quote":"a \"b\" \u00e9"}}"#,
            level(i), ["GET", "POST"][i % 2], i % 4, status(i), i * 7 % 50 + 1, i % 9 + 1, i * 100, i % 7, i % 3, i.is_multiple_of(2),
        ), {"trace_id": format!("t{}", i % 6), "user_id": (i % 3).to_string()}])
    };
    let worker = |i: usize| {
        json!([at(i * 10 + 3, 2), format!(
            r#"level={} msg="job \"{i}\" done" duration={}ms queue=q{} attempt={} size={}.5MiB bare empty= path=/a/{}"#,
            level(i), i * 13 % 70 + 1, i % 3, i % 4, i % 7, i % 2,
        ), {"trace_id": format!("t{}", i % 6), "msg": "meta"}])
    };
    let nginx = |i: usize| {
        json!([
            at(i * 10 + 5, 3),
            format!(
                r#"10.0.{}.{i} - - [08/Nov/2023:19:22:{i:02} +0000] "GET /path/{}?q={i} HTTP/1.1" {} {} "-" "curl/7""#,
                i % 3,
                i % 5,
                status(i),
                i * 31,
            )
        ])
    };
    let odd = [
        "plain text error here",
        "\u{1b}[31mred\u{1b}[0m text",
        "{\"a\":1",
        "[1,2]",
        "{\"_entry\":\"packed line\",\"pod\":\"p1\",\"n\":\"3\"}",
        "a=b c=\"unterminated",
    ];
    let unicode = ["12", "١٢", "größe", "groesse", "{x}", "[x]", "a\u{a0}b", "a b", "<x>", "GRÖSSE a\nb"];
    let unicode = |i: usize| json!([at(i * 40 + 7, 5), unicode[i]]);
    let mixed = |i: usize| json!([at(i * 30 + 6, 4), odd[i % 6]]);
    let all = |n: usize, entry: &dyn Fn(usize) -> Value| (0..n).map(entry).collect::<Vec<_>>();
    let of_api = |side: usize| (0..60).filter(|i| i % 2 == side).map(api).collect::<Vec<_>>();
    json!({"streams": [
        {"stream": {"app": "api", "env": "dev"}, "values": of_api(0)},
        {"stream": {"app": "api", "env": "prod"}, "values": of_api(1)},
        {"stream": {"app": "worker", "env": "prod"}, "values": all(60, &worker)},
        {"stream": {"app": "nginx", "env": "prod"}, "values": all(60, &nginx)},
        {"stream": {"app": "mixed", "env": "dev"}, "values": all(20, &mixed)},
        {"stream": {"app": "unicode", "env": "test"}, "values": all(10, &unicode)},
    ]})
}
