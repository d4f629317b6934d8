//! Constructed periods, each with one thing wrong (or nothing), through the whole analysis. A shop asks a stock; the web asks
//! both.

use crate::testing::{Spans, World, trace};

const FAST: &[(f64, f64)] = &[(100.0, 0.01)];
const NONE: &[(f64, f64)] = &[];
const ORDERS: (&str, &str) = ("POST", "/orders");
const ITEMS: (&str, &str) = ("GET", "/items/{id}");

/// Requests as they were before and are during the period in question, with good answers.
fn shop(orders: &[(f64, f64)], items: &[(f64, f64)]) -> World {
    World::of(&["web", "shop", "stock"])
        .requests(("web", "shop"), ORDERS, "201", FAST, orders)
        .requests(("web", "shop"), ("GET", "/orders/{id}"), "200", FAST, FAST)
        .requests(("web", "stock"), ("GET", "/items"), "200", FAST, FAST)
        .requests(("shop", "stock"), ITEMS, "200", FAST, items)
        .counter("process_cpu_seconds_total", &[("service", "shop")], 1.0, 1.0)
        .counter("process_cpu_seconds_total", &[("service", "stock")], 1.0, 1.0)
}

/// An order whose look at the stock takes so long, the stock's own part of it, and the statement's, in milliseconds.
fn order(call: u64, stock: u64, statement: u64) -> Spans {
    let (call, stock, statement) = (call * 1_000, stock * 1_000, statement * 1_000);
    let lag = (call - stock) / 2;
    trace()
        .call("web", "shop", "POST /orders", None, (0, call + 4_000))
        .serve("shop", "POST /orders", Some(0), (1_000, call + 2_000))
        .status(201)
        .call("shop", "stock", "GET /items/{id}", Some(1), (2_000, call))
        .status(200)
        .serve("stock", "GET /items/{id}", Some(2), (2_000 + lag, stock))
        .status(200)
        .statement("stock", "SELECT items", 3, (2_000 + lag, statement))
}

const SLOW: &[(f64, f64)] = &[(60.0, 0.01), (40.0, 0.5)];

#[test]
fn nothing_is_wrong_when_all_is_as_before() {
    let world = shop(FAST, FAST).traces(&order(4, 3, 1), &order(4, 3, 1), 20);
    assert_eq!(world.answer(), "nothing");
}

#[test]
fn a_little_slower_and_a_few_errors_more_is_everyday_life() {
    let world =
        shop(&[(100.0, 0.1)], &[(99.0, 0.01), (1.0, 0.5)]).traces(&order(4, 3, 1), &order(9, 8, 2), 20);
    assert_eq!(world.answer(), "nothing");
}

#[test]
fn a_busy_machine_is_no_incident() {
    let mut world = shop(SLOW, SLOW).traces(&order(4, 3, 1), &order(480, 470, 1), 20);
    for target in ["web", "shop", "stock"] {
        world = world.gauge("scrape_duration_seconds", &[("job", target)], 0.004, 0.2);
    }
    assert_eq!(world.answer(), "nothing");
    let mut world = shop(FAST, FAST);
    for target in ["web", "shop", "stock"] {
        world = world.gauge("up", &[("job", target)], 1.0, 0.2);
    }
    assert_eq!(world.answer(), "nothing", "all are silent at once: nobody could ask");
}

#[test]
fn one_silent_target_whose_callers_are_content_is_a_failure_of_scraping() {
    let world = shop(FAST, FAST).gauge("up", &[("job", "stock")], 1.0, 0.0);
    assert_eq!(world.answer(), "stock | scrape-failure");
}

#[test]
fn a_statement_that_takes_the_time_reads_too_much() {
    let labels = [("service", "stock"), ("operation", "SELECT"), ("collection", "items"), ("outcome", "ok")];
    let world = shop(SLOW, SLOW).traces(&order(4, 3, 1), &order(450, 440, 430), 20).durations(
        "db_client_operation_duration_seconds",
        &labels,
        FAST,
        SLOW,
    );
    assert_eq!(world.answer(), "stock | GET /items/{id} | missing-index");
}

#[test]
fn waiting_for_connections_while_the_database_is_idle_is_a_small_pool() {
    let labels = [("service", "stock")];
    let world = shop(SLOW, SLOW)
        .traces(
            &order(4, 3, 1),
            &order(450, 440, 1)
                .span("stock", "acquire", Some(3), 20_000, 400_000)
                .tag("db.system.name", "sqlite"),
            20,
        )
        .durations("db_client_connections_wait_time_seconds", &labels, FAST, SLOW);
    assert_eq!(world.answer(), "stock | GET /items/{id} | pool-exhaustion");
}

#[test]
fn time_between_the_spans_of_caller_and_callee_is_the_network() {
    let world = shop(SLOW, FAST).traces(&order(4, 3, 1), &order(450, 3, 1), 20);
    assert_eq!(world.answer(), "stock | GET /items/{id} | slow-network");
}

#[test]
fn a_network_that_holds_up_several_calls_is_one_thing_and_what_suffers_a_little_is_another() {
    let two = |gap: u64| {
        let call = |spans: Spans, name: &str, start: u64| {
            spans.call("shop", "stock", name, Some(1), (start, gap + 3_000)).status(200)
        };
        let spans = trace()
            .call("web", "shop", "POST /orders", None, (0, 2 * gap + 20_000))
            .serve("shop", "POST /orders", Some(0), (1_000, 2 * gap + 18_000))
            .status(201);
        let spans = call(spans, "GET /items/{id}", 2_000)
            .serve("stock", "GET /items/{id}", Some(2), (2_000 + gap / 2, 3_000))
            .status(200);
        call(spans, "POST /items", 6_000 + gap)
            .serve("stock", "POST /items", Some(4), (6_000 + gap + gap / 2, 3_000))
            .status(200)
    };
    let aside = |gap: u64| {
        trace()
            .call("web", "stock", "GET /items", None, (0, gap + 2_000))
            .serve("stock", "GET /items", Some(0), (gap / 2, 2_000))
            .status(200)
    };
    let world = shop(SLOW, FAST).traces(&two(0), &two(250_000), 20).traces(&aside(0), &aside(30_000), 20);
    let answer = world.answer();
    assert!(answer.starts_with("stock | ") && answer.ends_with(" | slow-network"), "{answer}");
    assert!(!answer.contains("GET /items |"), "{answer}");
}

#[test]
fn own_time_without_processor_time_is_waiting_for_a_lock() {
    let world = shop(SLOW, SLOW).traces(&order(4, 3, 1), &order(450, 440, 1), 20);
    assert_eq!(world.answer(), "stock | GET /items/{id} | lock-contention");
}

#[test]
fn own_time_with_processor_time_is_work() {
    let world = shop(SLOW, SLOW).traces(&order(4, 3, 1), &order(450, 440, 1), 20).counter(
        "process_cpu_seconds_total",
        &[("service", "stock"), ("instance", "other")],
        0.0,
        12.0,
    );
    assert_eq!(world.answer(), "stock | GET /items/{id} | costly-code");
}

#[test]
fn a_query_for_each_item_is_told_even_before_it_hurts() {
    let mut many = order(60, 50, 1);
    for item in 0..20 {
        many = many.statement("stock", "SELECT items", 3, (5_000 + item * 1_000, 900));
    }
    let world = shop(FAST, FAST).traces(&order(4, 3, 1), &many, 40);
    assert_eq!(world.answer(), "stock | GET /items/{id} | n-plus-one-queries");
}

#[test]
fn a_larger_basket_than_any_of_the_few_seen_before_is_none() {
    let basket = |items: u64| {
        let spans = trace().serve("shop", "POST /orders", None, (0, 90_000)).status(201);
        (0..items).fold(spans, |spans, item| {
            spans.call("shop", "stock", "POST /items", Some(0), (item * 1_000, 900)).status(200)
        })
    };
    let mut world = shop(FAST, FAST);
    world.0.before.traces = basket(1).times(12);
    world.0.during.traces = basket(5).times(12);
    assert_eq!(world.answer(), "nothing");
}

#[test]
fn statements_that_come_in_bursts_are_a_cache_that_everybody_fills_at_once() {
    let calm: Vec<f64> = (0..120).map(|second| 10.0 + f64::from(second % 7)).collect();
    let bursts: Vec<f64> = (0..60).map(|second| if second % 10 == 0 { 160.0 } else { 8.0 }).collect();
    let hurt =
        || shop(FAST, FAST).requests(("web", "stock"), ITEMS, "200", FAST, &[(85.0, 0.01), (15.0, 0.5)]);
    let mut world = hurt();
    world.0.rhythm.insert("stock".to_owned(), [calm, bursts.clone()]);
    assert_eq!(world.answer(), "stock | GET /items/{id} | cache-stampede");
    let mut world = hurt();
    world.0.rhythm.insert("stock".to_owned(), [bursts.clone(), bursts]);
    assert!(!world.answer().contains("cache-stampede"), "it always was so: {}", world.answer());
}

#[test]
fn a_runtime_that_is_late_for_everything_is_blocked() {
    let slow = |world: World, route| world.requests(("web", "stock"), ("GET", route), "200", FAST, SLOW);
    let world = shop(SLOW, SLOW).traces(&order(4, 3, 1), &order(450, 440, 1), 20);
    let world = slow(slow(slow(world, "/a"), "/b"), "/c").durations(
        "runtime_heartbeat_delay_seconds",
        &[("service", "stock")],
        FAST,
        &[(50.0, 0.01), (50.0, 0.25)],
    );
    assert!(
        world.answer().starts_with("stock | ") && world.answer().ends_with("blocked-executor"),
        "{}",
        world.answer()
    );
}

/// Orders of which so many fail with 503.
fn failing(orders: f64) -> World {
    shop(&[(100.0 - orders, 0.01)], FAST).requests(("web", "shop"), ORDERS, "503", NONE, &[(orders, 0.01)])
}

fn broken(kind: &str) -> Spans {
    trace()
        .call("web", "shop", "POST /orders", None, (0, 1_010_000))
        .status(503)
        .serve("shop", "POST /orders", Some(0), (1_000, 1_005_000))
        .status(503)
        .call("shop", "stock", "GET /items/{id}", Some(1), (2_000, 1_000_000))
        .tag("error", "true")
        .tag("error.type", kind)
}

#[test]
fn a_process_that_answers_nobody_and_is_still_there_is_stopped() {
    let world = failing(60.0)
        .requests(("shop", "stock"), ITEMS, "timeout", NONE, &[(60.0, 1.0)])
        .gauge("up", &[("job", "stock")], 1.0, 0.0)
        .traces(&order(4, 3, 1), &broken("timeout"), 20);
    assert_eq!(world.answer(), "stock | process-stopped");
}

#[test]
fn a_process_that_is_gone_refuses_connections() {
    let world = failing(60.0)
        .requests(("shop", "stock"), ITEMS, "error", NONE, &[(60.0, 0.01)])
        .gauge("up", &[("job", "stock")], 1.0, 0.0)
        .traces(&order(4, 3, 1), &broken("connection"), 20);
    assert_eq!(world.answer(), "stock | process-killed");
}

#[test]
fn connections_that_break_to_a_healthy_callee_are_the_networks() {
    let world = failing(20.0).requests(("shop", "stock"), ITEMS, "error", NONE, &[(20.0, 0.01)]).traces(
        &order(4, 3, 1),
        &broken("broken_connection"),
        20,
    );
    assert_eq!(world.answer(), "stock | GET /items/{id} | connection-resets");
}

#[test]
fn calls_that_vanish_on_the_way_to_a_healthy_callee_are_a_black_hole() {
    let world = failing(20.0).requests(("shop", "stock"), ITEMS, "timeout", NONE, &[(20.0, 1.0)]).traces(
        &order(4, 3, 1),
        &broken("timeout"),
        20,
    );
    assert_eq!(world.answer(), "stock | GET /items/{id} | network-blackhole");
}

#[test]
fn one_restart_is_a_kill_and_several_are_a_loop() {
    let began = [("service", "stock")];
    let world = shop(FAST, FAST).gauge("process_start_time_seconds", &began, 1_000.0, 2_000.0);
    assert_eq!(world.answer(), "stock | process-killed");
    let world = shop(FAST, FAST).counter("process_start_time_seconds", &began, 0.0, 14.0);
    assert_eq!(world.answer(), "stock | crash-loop");
}

#[test]
fn callees_that_begin_their_own_traces_have_lost_the_context() {
    let apart = trace().serve("stock", "GET /items/{id}", None, (0, 3_000)).status(200);
    let world = shop(FAST, FAST).traces(&order(4, 3, 1), &apart, 20);
    assert_eq!(world.answer(), "stock | GET /items/{id} | broken-propagation");
}

#[test]
fn calls_that_begin_their_own_traces_have_lost_the_context_where_they_are_made() {
    let apart = trace()
        .call("shop", "stock", "GET /items/{id}", None, (0, 4_000))
        .status(200)
        .serve("stock", "GET /items/{id}", Some(0), (500, 3_000))
        .status(200);
    let world = shop(FAST, FAST).traces(&order(4, 3, 1), &apart, 20);
    assert_eq!(world.answer(), "shop | GET /items/{id} | broken-propagation");
}

#[test]
fn spans_at_the_wrong_time_are_of_a_wrong_clock() {
    let skewed = trace()
        .call("web", "shop", "POST /orders", None, (500_000, 8_000))
        .serve("shop", "POST /orders", Some(0), (501_000, 6_000))
        .status(201)
        .call("shop", "stock", "GET /items/{id}", Some(1), (502_000, 4_000))
        .status(200)
        .serve("stock", "GET /items/{id}", Some(2), (2_500, 3_000))
        .status(200);
    let world = shop(FAST, FAST).traces(&order(4, 3, 1), &skewed, 20);
    assert_eq!(world.answer(), "stock | clock-skew");
}

#[test]
fn work_that_goes_on_when_its_caller_has_given_up_is_of_no_wrong_clock() {
    let given_up = trace()
        .call("web", "shop", "POST /orders", None, (0, 500_000))
        .tag("error", "true")
        .tag("error.type", "timeout")
        .serve("shop", "POST /orders", Some(0), (1_000, 900_000))
        .status(201);
    let world = shop(FAST, FAST).traces(&order(4, 3, 1), &given_up, 20);
    assert!(!world.answer().contains("clock-skew"), "{}", world.answer());
}

#[test]
fn what_a_process_says_it_dropped_is_lost() {
    let labels = [("service", "shop"), ("signal", "traces")];
    let world = shop(FAST, FAST).counter("telemetry_created_total", &labels, 500.0, 500.0).counter(
        "telemetry_dropped_total",
        &labels,
        0.0,
        250.0,
    );
    assert_eq!(world.answer(), "shop | telemetry-loss");
}

#[test]
fn memory_that_only_grows_is_a_leak() {
    let labels = [("service", "shop")];
    let world = shop(FAST, FAST).counter("process_resident_memory_bytes", &labels, 1_000.0, 20e6);
    assert_eq!(world.answer(), "shop | memory-leak");
}

#[test]
fn one_record_that_fails_for_everybody_is_a_bad_record() {
    let at = |path: &str, status: u16| {
        trace().serve("stock", "GET /items/{id}", None, (0, 3_000)).tag("url.path", path).status(status)
    };
    let mut world = shop(FAST, FAST)
        .requests(("web", "stock"), ITEMS, "200", FAST, &[(95.0, 0.01)])
        .requests(("web", "stock"), ITEMS, "500", NONE, &[(5.0, 0.01)]);
    for id in 0..10 {
        world = world.traces(&at(&format!("/items/{id}"), 200), &at(&format!("/items/{id}"), 200), 3);
    }
    world.0.during.chosen = at("/items/13", 500).times(40).split_off(30);
    assert_eq!(world.answer(), "stock | GET /items/{id} | poison-record");
}

#[test]
fn more_refusals_are_the_clients_and_more_conflicts_the_stocks() {
    let refused = |status| {
        shop(&[(50.0, 0.01)], FAST).requests(("web", "shop"), ORDERS, status, NONE, &[(50.0, 0.01)]).answer()
    };
    assert_eq!(refused("422"), "shop | POST /orders | bad-client-input");
    assert_eq!(refused("409"), "shop | POST /orders | sold-out");
}

#[test]
fn a_queue_that_ages_has_a_consumer_that_cannot_follow() {
    let labels = [("service", "shop")];
    let sent = trace().span("shop", "mail send", None, 0, 40_000);
    let world = shop(FAST, FAST).gauge("mail_oldest_age_seconds", &labels, 0.5, 45.0).traces(&sent, &sent, 3);
    assert_eq!(world.answer(), "shop | mail | unbounded-queue");
    assert!(world.is_shown_by_a_trace());
}

#[test]
fn errors_that_fit_nothing_are_told_where_they_begin() {
    let failed = trace()
        .call("web", "shop", "POST /orders", None, (0, 10_000))
        .status(503)
        .serve("shop", "POST /orders", Some(0), (1_000, 5_000))
        .status(503);
    let world = failing(60.0).traces(&order(4, 3, 1), &failed, 20);
    assert!(world.answer().starts_with("shop | POST /orders"), "{}", world.answer());
}

#[test]
fn too_little_to_compare_with_is_said() {
    let quiet = World::of(&["shop"]).requests(("web", "shop"), ORDERS, "201", &[(1.0, 0.01)], FAST);
    let error = crate::analyse(&quiet.0).unwrap_err().to_string();
    assert!(error.contains("only 16 requests"), "{error}");
}

#[test]
fn the_simple_ways_answer_in_the_same_form() {
    use crate::naive::Strategy;
    let world = failing(60.0)
        .requests(("shop", "stock"), ITEMS, "timeout", NONE, &[(60.0, 1.0)])
        .gauge("up", &[("job", "stock")], 1.0, 0.0)
        .traces(&order(4, 3, 1), &broken("timeout"), 20);
    let service = |strategy: Strategy| strategy.answer(&world.0).service;
    // The errors stand at the shop, their cause at the stock.
    assert_eq!(service(Strategy::MostErrors).as_deref(), Some("shop"));
    assert_eq!(service(Strategy::DeepestErroringSpan).as_deref(), Some("shop"));
    assert!(Strategy::ALL.iter().all(
        |strategy| strategy.answer(&world.0).is_trouble() || *strategy == Strategy::LargestLatencyChange
    ));
}
