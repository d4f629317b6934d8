//! What is evaluated at which steps, what is said of that, and what it may hold.

use super::*;

/// The rows of a range from 0 to 60 s, each with its values in a line, and the warnings.
fn over_time(query: &str) -> (Vec<String>, Vec<String>) {
    let grid = Grid::range(0, 60_000, 20_000);
    let answer = range(&source(), &Query::new(query).expect("valid"), grid, options());
    let answer = answer.unwrap_or_else(|e| panic!("{query}: {e}"));
    let Value::Vector(rows) = answer.value else { panic!("{query}: a vector") };
    let row = |row: &crate::promql::Row| {
        let values: Vec<String> =
            row.points.iter().filter(|v| is_present(**v)).map(|v| round(*v).to_string()).collect();
        format!("{} {}", row.labels, values.join(" "))
    };
    (rows.iter().map(row).collect(), answer.warnings)
}

#[test]
fn a_parameter_of_what_is_fixed_is_that_of_the_first_step() {
    // The parameter is 0, 20, 40, 60 at the steps.
    for (query, expected) in [
        ("quantile(time() / 60, c @ 60)", "{} 20 20 20 20"),
        ("quantile(time() / 60, c)", "{} 0 6.666666667 30 60"),
        ("quantile(scalar(count(c)) - 2 + time() / 60, sum by (i) (c @ 60))", "{} 20 20 20 20"),
        ("count(topk(1 + time(), c @ 60))", "{} 1 1 1 1"),
    ] {
        assert_eq!(over_time(query).0, [expected], "{query}");
    }
    assert_eq!(over_time("quantile(time(), c @ 60)").1, Vec::<String>::new());
}

#[test]
fn sorting_says_that_it_is_of_no_use_wherever_there_are_steps() {
    let warned = |query: &str| {
        let answer = instant(&source(), &Query::new(query).expect("valid"), 60_000, options());
        answer.expect("an answer").warnings
    };
    let told = |at: &str| {
        vec![format!(
            "PromQL warning: sort is ineffective for range queries since results are always ordered by labels ({at})"
        )]
    };
    assert_eq!(warned("max_over_time(sort(c)[1m:10s])"), told("1:15"));
    assert_eq!(warned("sum(max_over_time((sort_desc(c))[1m:7s] @ 50))"), told("1:20"));
    assert_eq!(warned("max_over_time(sort(c)[15s:17s])"), told("1:15"));
    for silent in [
        "sort(c)",
        "max_over_time(sort(c @ 50)[1m:10s])",
        "sort(max_over_time(c[1m:10s]))",
        "max_over_time(sort(c)[10s:10s])",
    ] {
        assert_eq!(warned(silent), Vec::<String>::new(), "{silent}");
    }
    assert_eq!(over_time("sort(quantile(time(), c @ 60))").1, Vec::<String>::new());
    assert_eq!(over_time("sort(sum(c))").1, told("1:1"));
}

#[test]
fn values_that_occur_seldom_are_counted_over_many_steps() {
    // Each of 5,000 steps has a value of its own.
    let query = r#"count_over_time((count_values("v", vector(time())))[5000s:1s])"#;
    assert_eq!(at_60(&format!("count({query})")), ["{} 5000"]);
    assert_eq!(at_60(&format!("max({query})")), ["{} 1"]);
    let rounded = r#"sum_over_time(count_values("v", floor(vector(time()) / 20))[60s:1s])"#;
    assert_eq!(at_60(rounded), [r#"{v="0"} 19"#, r#"{v="1"} 20"#, r#"{v="2"} 20"#, r#"{v="3"} 1"#]);
    let wide = try_at_60(r#"count(count_over_time(count_values("v", vector(time()))[100000s:1s]))"#);
    assert_eq!(wide, Err(QueryError::TooMuch));
}

#[test]
fn of_several_duplicates_the_first_is_always_named() {
    let pairs: Vec<SeriesView> = (0..20)
        .flat_map(|i| ["a", "b"].map(|side| (i, side)))
        .map(|(i, side)| {
            let group = format!("g{i:02}");
            series(&[("__name__", "m"), ("group", group.as_str()), ("side", side)], &[1.0; 7])
        })
        .collect();
    let source = Fixed(pairs);
    let query = Query::new("m * on (group) m").expect("valid");
    for _ in 0..20 {
        let refused = instant(&source, &query, 60_000, options()).err().map(|e| e.to_string());
        assert_eq!(
            refused.as_deref(),
            Some(
                "found duplicate series for the match group {group=\"g00\"} on the right hand-side of the operation: [{__name__=\"m\", group=\"g00\", side=\"a\"}, {__name__=\"m\", group=\"g00\", side=\"b\"}];many-to-many matching not allowed: matching labels must be unique on one side"
            )
        );
    }
}
