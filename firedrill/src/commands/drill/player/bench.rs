//! `firedrill drill bench`: a program does drills, once per seed, and it is counted what it was worth.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use drills::{
    scenario,
    session::{Happened, Measures, Phase, Session},
};
use serde_json::{Value, json};
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use super::{
    super::{output, words},
    Listening,
};
use crate::{
    cli::DrillBench,
    drill::{
        begin::{Asked, begin},
        store::Store,
    },
    failure::{Code, Failure, Outcome, say},
    home::Home,
    run_file::RunFile,
};

/// The stack has this long to be as before.
const CLOSING: Duration = Duration::from_secs(60);
/// What a player has written may still be read.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// One drill that was played.
struct Played {
    session: Session,
    /// How the player ended; none when it was ended.
    exit: Option<i32>,
    took: Duration,
}

/// Plays; good when every drill was found out: service, operation and cause.
pub(in crate::commands::drill) async fn run(home: &Home, options: &DrillBench, json: bool) -> Outcome {
    let ids: Vec<String> = match options.all {
        true => scenario::ids().into_iter().map(str::to_owned).collect(),
        false => options.ids.clone(),
    };
    for id in &ids {
        scenario::find(id).map_err(Failure::arguments)?;
    }
    let listening = Listening::start(home, 0).await?;
    let mut results = Vec::new();
    for id in &ids {
        for seed in &options.seeds {
            let played = play(home, options, &listening, id, *seed).await?;
            if !json {
                output::print(&line(&played));
            }
            results.push(played);
        }
    }
    listening.stop().await;
    let whole = results.iter().filter(|played| is_whole(played)).count();
    let scores: u32 = results.iter().map(score).sum();
    let mean = f64::from(scores) / results.len().max(1) as f64;
    match json {
        true => output::json(&json!({
            "player": options.player,
            "runs": results.len(),
            "right": whole,
            "mean_score": mean,
            "results": results.iter().map(object).collect::<Vec<_>>(),
        })),
        false => output::print(&format!("{whole} of {} right, {mean:.0} points on the mean", results.len())),
    }
    Ok(if whole == results.len() { Code::Good } else { Code::NotGood })
}

/// One drill, from its begin to its end.
async fn play(
    home: &Home,
    options: &DrillBench,
    listening: &Listening,
    id: &str,
    seed: u64,
) -> Result<Played, Failure> {
    let asked = Asked {
        id: Some(id.to_owned()),
        seed: Some(seed),
        minutes: options.minutes,
        speed: options.speed,
        participants: vec!["player".to_owned()],
    };
    begin(home, asked).await?;
    let store = Store::of(home);
    let session = store.until(|session| session.phase != Phase::Calm).await?;
    let began = Instant::now();
    let exit = match session.phase {
        Phase::Investigating => watch(home, options, listening, &store).await?,
        // It came to nothing before there was a page.
        _ => None,
    };
    let took = began.elapsed();
    if !matches!(store.last()?.phase, Phase::Over(_)) {
        store.record(Happened::Stopped)?;
    }
    let closed = timeout(CLOSING, store.until(|session| session.closed.is_some())).await;
    let session = closed.map_err(|_| {
        Failure::not_good("the drill does not come to its end; `firedrill drill status` tells more")
    })??;
    Ok(Played { session, exit, took })
}

/// Lets the player play, at the longest until the drill is over.
async fn watch(
    home: &Home,
    options: &DrillBench,
    listening: &Listening,
    store: &Store,
) -> Result<Option<i32>, Failure> {
    let run = RunFile::find(home)?;
    let failed = |e: std::io::Error| Failure::environment(format!("cannot start the player: {e}"));
    let mut player = Command::new("sh");
    player.arg("-c").arg(&options.player).env_remove("FIREDRILL_HOME").kill_on_drop(true);
    player.env("FIREDRILL_PLAYER_URL", &listening.url).env("FIREDRILL_PLAYER_TOKEN", &listening.token);
    for (name, part) in [("PROMETHEUS_URL", "prometheus"), ("LOKI_URL", "loki"), ("JAEGER_URL", "jaeger")] {
        player.env(name, run.url(part)?);
    }
    // Standard output is this command's own.
    let mut player = player.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(failed)?;
    tokio::select! {
        ended = player.wait() => Ok(ended.map_err(failed)?.code()),
        over = store.until(|session| matches!(session.phase, Phase::Over(_))) => {
            over?;
            // Who has answered is about to end by itself.
            sleep(LAST_WORDS).await;
            let ended = player.try_wait().map_err(failed)?;
            if ended.is_none() {
                say("the drill is over; the player is ended");
                player.kill().await.map_err(failed)?;
            }
            Ok(ended.and_then(|status| status.code()))
        }
    }
}

/// Whether service, operation and cause were found.
fn is_whole(played: &Played) -> bool {
    played.session.tries.last().is_some_and(|last| last.grade.correct.is_whole())
}

fn score(played: &Played) -> u32 {
    played.session.tries.last().map_or(0, |last| last.grade.score)
}

fn object(played: &Played) -> Value {
    let (session, measures) = (&played.session, Measures::of(&played.session));
    let last = session.tries.last();
    json!({
        "drill": session.scenario,
        "seed": session.seed,
        "phase": words::phase(&session.phase),
        "score": score(played),
        "correct": last.map(|last| last.grade.correct),
        "answer": last.map(|last| &last.answer),
        "tries": session.tries.len(),
        "hints": session.hints,
        "ttd_s": measures.ttd_s,
        "ttl_s": measures.ttl_s,
        "ttm_s": measures.ttm_s,
        "took_s": played.took.as_secs_f64(),
        "exit": played.exit,
    })
}

fn line(played: &Played) -> String {
    format!(
        "{:<12}seed {:<8}{:>3} points   {} tries   {} hints   {:.0} s   {}",
        played.session.scenario,
        played.session.seed,
        score(played),
        played.session.tries.len(),
        played.session.hints,
        played.took.as_secs_f64(),
        words::phase(&played.session.phase),
    )
}
