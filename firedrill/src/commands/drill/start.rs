//! `firedrill drill start`.

use drills::session::Phase;

use super::{facilitator, output, signal, status};
use crate::{
    called,
    cli::DrillStart,
    drill::{
        begin::{Asked, begin},
        sealed::Sealed,
        store::Store,
    },
    failure::{Code, Outcome},
    home::Home,
};

/// Begins a drill, tells its brief, and waits for the page.
pub(super) async fn run(home: &Home, options: &DrillStart, json: bool) -> Outcome {
    let participants = match options.participants.as_slice() {
        [] => vec!["you".to_owned()],
        named => named.to_vec(),
    };
    let asked = Asked {
        id: options.which.id.clone(),
        seed: options.which.seed,
        minutes: options.minutes,
        speed: options.speed,
        participants,
    };
    let mut stop = signal::StopAsked::listen()?;
    let (scenario, mut session) = begin(home, asked).await?;
    output::print(&format!("Drill {}\n\n{}\n\nSealed as {}", scenario.id, scenario.brief, session.ledger));
    let sealed = options.facilitator.then(|| Sealed::of(home, &session)).transpose()?;
    if let Some(sealed) = &sealed {
        output::print(&format!("\n{}\n", facilitator::text(sealed)));
    }
    if !options.no_wait {
        output::note(&format!(
            "Waiting for the page. Ctrl-C leaves the drill going; `{}` tells the page.",
            called::command(home, &["drill", "status"])
        ));
        let store = Store::of(home);
        tokio::select! {
            paged = store.until(|session| session.phase != Phase::Calm) => session = paged?,
            () = stop.asked() => {}
        }
    }
    match sealed.filter(|_| json) {
        Some(sealed) => {
            let mut told = status::object(&session);
            told["truth"] = facilitator::object(&sealed);
            output::json(&told);
        }
        None => status::tell(home, &session, json),
    }
    Ok(if matches!(session.phase, Phase::Over(_)) { Code::NotGood } else { Code::Good })
}
