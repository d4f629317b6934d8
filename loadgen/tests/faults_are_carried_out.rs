//! Faults are carried out on a real relay with a stand-in for the services behind it: they occur, users feel them, and they are
//! gone afterwards, also when whoever began them dies.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod relay_support;
mod support;

use loadgen::client::Targets;
use loadgen::faults::{self, Answering, Drill, Gauge, Question, Request, Schedule, Stack};
use relay_support::{Relay, TOKEN};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use support::{Shop, options, plan_of};
use tokio::net::{TcpListener, TcpStream};

const RUN: Duration = Duration::from_secs(4);

/// Answers each question with 0 first and then with what it was told to.
struct Told(f64, Mutex<Vec<Question>>);

impl Told {
    fn new(answer: f64) -> Arc<Self> {
        Arc::new(Self(answer, Mutex::default()))
    }
}

impl Gauge for Told {
    fn ask<'a>(&'a self, question: &'a Question, _: SystemTime, _: Duration) -> Answering<'a> {
        let mut asked = self.1.lock().unwrap();
        let kind = std::mem::discriminant(question);
        let answer = if asked.iter().any(|q| std::mem::discriminant(q) == kind) { self.0 } else { 0.0 };
        asked.push(question.clone());
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// Answers the same whenever it is asked.
struct Always(f64);

impl Gauge for Always {
    fn ask<'a>(&'a self, _: &'a Question, _: SystemTime, _: Duration) -> Answering<'a> {
        Box::pin(std::future::ready(Ok(self.0)))
    }
}

/// A relay whose one link leads to the shop, and the stack as faults see it.
async fn stack(shop: &Shop) -> (Relay, Stack) {
    let relay = Relay::named("loadgen>order-service", shop.url.strip_prefix("http://").unwrap()).await;
    let targets = Targets::single(&format!("http://{}", relay.entry)).unwrap();
    let network = format!("http://{}", relay.control);
    let stack = Stack::new(TOKEN, &BTreeMap::new(), None, Some(&network), targets).unwrap();
    (relay, stack)
}

fn schedule(text: &str) -> Schedule {
    let request: Request = text.parse().unwrap();
    Schedule::new(&[request], 7, RUN).unwrap()
}

fn drill(stack: &Stack, schedule: Schedule, gauge: Arc<dyn Gauge>) -> Drill {
    let plan = plan_of("buy", RUN, 150.0);
    Drill { plan, options: options(), schedule, stack: stack.clone(), gauge }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_occurs_users_feel_it_and_nothing_is_left() {
    let shop = Shop::open().await;
    let (relay, stack) = stack(&shop).await;
    let schedule = schedule("connection-resets@1s+1500ms,share=0.5");
    faults::check(&stack, &schedule).await.unwrap();
    let drill = drill(&stack, schedule, Told::new(20.0));
    let (report, measured) = faults::drill(drill, |_| {}, std::future::pending()).await.unwrap();
    let one = &measured[0];
    assert!(one.troubles.is_empty() && one.left_behind.is_empty(), "{one:?}");
    assert_eq!((one.dose_before, one.dose, one.dose_proven), (Some(0.0), Some(20.0), Some(true)));
    assert_eq!((one.panel_before, one.panel, one.panel_shows), (Some(0.0), Some(20.0), Some(true)));
    assert_eq!(one.before.failed, 0.0, "{one:?}");
    assert_eq!(one.effect_proven, Some(true), "{one:?}");
    assert!(report.failed > 0);
    let link = relay.link().await;
    assert!(link["resets"].as_u64().unwrap() > 0, "{link}");
    assert_eq!((&link["condition"]["reset_ratio"], &link["condition"]["seed"]), (&0.0.into(), &0.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dose_that_was_there_before_proves_nothing() {
    let shop = Shop::open().await;
    let (_relay, stack) = stack(&shop).await;
    let drill = drill(&stack, schedule("connection-resets@1s+1s"), Arc::new(Always(20.0)));
    let (_, measured) = faults::drill(drill, |_| {}, std::future::pending()).await.unwrap();
    assert_eq!((measured[0].dose_proven, measured[0].panel_shows), (Some(false), Some(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_one_that_does_nothing_is_not_felt() {
    let shop = Shop::open().await;
    let (relay, stack) = stack(&shop).await;
    let drill = drill(&stack, schedule("control@1s+2s"), Told::new(0.0));
    let (_, measured) = faults::drill(drill, |_| {}, std::future::pending()).await.unwrap();
    assert_eq!((measured[0].during.failed, measured[0].dose_proven), (0.0, Some(true)));
    assert_eq!(relay.link().await["resets"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_the_faults_at_once() {
    let shop = Shop::open().await;
    let (relay, stack) = stack(&shop).await;
    let drill = drill(&stack, schedule("connection-resets@0s+4s"), Told::new(20.0));
    let until_it_is_on = async {
        while relay.link().await["condition"]["reset_ratio"] == 0.0 {
            tokio::task::yield_now().await;
        }
    };
    let (report, measured) = faults::drill(drill, |_| {}, until_it_is_on).await.unwrap();
    assert!(report.interrupted && measured[0].ended_s < 4.0, "{measured:?}");
    assert_eq!(relay.link().await["condition"]["reset_ratio"], 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_whose_drill_was_killed_ends_with_its_lease() {
    let shop = Shop::open().await;
    let (relay, stack) = stack(&shop).await;
    let stack = stack.with_lease(Duration::from_millis(600));
    let drill = drill(&stack, schedule("connection-resets@0s+4s"), Told::new(20.0));
    let killed = tokio::spawn(async move { faults::drill(drill, |_| {}, std::future::pending()).await });
    while relay.link().await["condition"]["reset_ratio"] == 0.0 {
        tokio::task::yield_now().await;
    }
    killed.abort();
    while relay.link().await["condition"]["reset_ratio"] != 0.0 {
        tokio::task::yield_now().await;
    }
}

/// Stands before a control listener and closes what comes when it is told to. Where it listens, and how often it has closed.
async fn door(
    to: SocketAddr,
    mut is_shut: impl FnMut() -> bool + Send + 'static,
) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, closed) = (listener.local_addr().unwrap(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&closed);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            if is_shut() {
                counted.fetch_add(1, Relaxed);
                continue;
            }
            tokio::spawn(async move {
                let mut server = TcpStream::connect(to).await.unwrap();
                // Either side may close first.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (address, closed)
}

/// The stack whose links are controlled through a door.
fn behind(control: SocketAddr, relay: &Relay) -> Stack {
    let targets = Targets::single(&format!("http://{}", relay.entry)).unwrap();
    Stack::new(TOKEN, &BTreeMap::new(), None, Some(&format!("http://{control}")), targets).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_is_there_for_moments_only_is_asked_often_enough() {
    let shop = Shop::open().await;
    let relay = Relay::named("loadgen>order-service", shop.url.strip_prefix("http://").unwrap()).await;
    let flickers = Arc::new(AtomicBool::new(false));
    let (told, mut nth) = (Arc::clone(&flickers), 0);
    // Three of four find it closed.
    let is_shut = move || {
        nth += u32::from(told.load(Relaxed));
        nth % 4 != 0
    };
    let (control, closed) = door(relay.control, is_shut).await;
    let stack = behind(control, &relay).with_lease(Duration::from_secs(2));
    let drill = drill(&stack, schedule("connection-resets@0s+4s"), Told::new(20.0));
    let under_way = tokio::spawn(async move { faults::drill(drill, |_| {}, std::future::pending()).await });
    while relay.link().await["condition"]["reset_ratio"] == 0.0 {
        tokio::task::yield_now().await;
    }
    flickers.store(true, Relaxed);
    let (_, measured) = under_way.await.unwrap().unwrap();
    assert!(measured[0].troubles.is_empty() && measured[0].ended_s >= 3.9, "{measured:?}");
    assert!(closed.load(Relaxed) >= 3, "{closed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_is_silent_for_a_while_is_asked_again() {
    let shop = Shop::open().await;
    let relay = Relay::named("loadgen>order-service", shop.url.strip_prefix("http://").unwrap()).await;
    let shut = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&shut);
    let (control, closed) = door(relay.control, move || told.load(Relaxed)).await;
    let stack = behind(control, &relay).with_lease(Duration::from_secs(3));
    let drill = drill(&stack, schedule("connection-resets@0s+4s"), Told::new(20.0));
    let under_way = tokio::spawn(async move { faults::drill(drill, |_| {}, std::future::pending()).await });
    while relay.link().await["condition"]["reset_ratio"] == 0.0 {
        tokio::task::yield_now().await;
    }
    shut.store(true, Relaxed);
    while closed.load(Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    shut.store(false, Relaxed);
    let (_, measured) = under_way.await.unwrap().unwrap();
    assert!(measured[0].troubles.is_empty() && measured[0].ended_s >= 3.9, "{measured:?}");
    assert_eq!(relay.link().await["condition"]["reset_ratio"], 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_stack_does_not_have_is_refused_before_anything_is_done() {
    let shop = Shop::open().await;
    let (relay, stack) = stack(&shop).await;
    let error = faults::check(&stack, &schedule("slow-network@1s+1s")).await.unwrap_err().to_string();
    assert!(error.contains("slow-network cannot be had: there is no link order-service>"), "{error}");
    let bare = Stack::new(TOKEN, &BTreeMap::new(), None, None, shop.targets()).unwrap();
    let error = faults::check(&bare, &schedule("connection-resets@1s+1s")).await.unwrap_err().to_string();
    assert!(error.contains("this stack has no relay between its processes"), "{error}");
    assert_eq!(relay.link().await["condition"]["delay_ms"], 0);
}
