//! Runs every query of every dashboard against the stack that is up, and says of each panel what a person would see.
//!
//! [`run`] waits for the first evaluation of the rules and asks (variables first, then targets, a bounded number at a time), `verdict` and `report` judge without
//! asking. What is asked is what Grafana would ask; what Grafana makes of the answer (transformations, colours) is not
//! looked at.

mod ask;
mod report;
mod resolve;
mod rules;
mod verdict;

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt as _, stream};
use query::{Stack, Window, prometheus::Data};

pub use report::{Outcome, PanelReport, Report, State, TargetReport};

use self::{resolve::Answers, verdict::Known};
use super::{
    expand::value::{Binding, Bindings, Choice, Flavour, interpolate},
    folder::{File, Folder},
    model::{ANNOTATION, Panel, Target},
    plan::{Ask, Plan, plan},
    walk,
};

/// Questions that are under way at once: as many as the embedded backend answers at once.
const AT_ONCE: usize = 8;
/// A repeated panel is looked at for so many of its values; more differ in nothing but the value.
const MOST_REPEATS: usize = 12;

/// One target of one panel, with the values that it is asked with.
struct Work<'f> {
    file: &'f File,
    panel: &'f Panel,
    /// The title with its variables in place.
    title: String,
    target: &'f Target,
    bindings: Bindings,
}

/// Walks all dashboards, for what lies back no longer than `last` when the rules have been evaluated.
///
/// # Errors
/// The metrics API does not answer at all, so that nothing can be said.
pub async fn run(stack: &Stack, folder: &Folder, last: Duration) -> Result<Report, query::Error> {
    rules::evaluated_once(stack).await;
    // Not before: a window that ended before a young stack's first minute would show next to nothing.
    let window = Window::last(last);
    let known = known(stack, window).await?;
    let mut report = Report::new(folder.files.len());
    let work = all_works(stack, folder, window, &BTreeMap::new(), &mut report).await;
    let judged = stream::iter(work).map(|work| async {
        let outcome = judge(stack, &work, window, &known, folder).await;
        (work, outcome)
    });
    let mut judged = judged.buffered(AT_ONCE);
    while let Some((work, outcome)) = judged.next().await {
        report.add(work.file, &work.title, &work.target.ref_id, outcome);
    }
    Ok(report.finish())
}

/// What every target would ask in this window, by `file: title: ref id`: for who wants the answers themselves, and not only
/// whether there is one. `chosen` are values of variables that are others than those with which a dashboard opens. Targets that
/// cannot be asked are left out; [`run`] names them.
pub async fn asked(
    stack: &Stack,
    folder: &Folder,
    window: Window,
    chosen: &BTreeMap<String, String>,
) -> Vec<(String, Vec<Ask>)> {
    let work = all_works(stack, folder, window, chosen, &mut Report::new(folder.files.len())).await;
    let asks = |work: Work<'_>| {
        let name = format!("{}: {}: {}", work.file.name, work.title, work.target.ref_id);
        match plan(work.panel, work.target, &work.bindings, window) {
            Plan::Ask(asks) => Some((name, asks)),
            Plan::Nothing(_) | Plan::Bad(_) => None,
        }
    };
    work.into_iter().filter_map(asks).collect()
}

/// The targets of all dashboards; those whose variables have no value are in the report.
async fn all_works<'f>(
    stack: &Stack,
    folder: &'f Folder,
    window: Window,
    chosen: &BTreeMap<String, String>,
    report: &mut Report,
) -> Vec<Work<'f>> {
    let answers = Answers::new(stack, window);
    let mut work = Vec::new();
    for file in &folder.files {
        match answers.bindings(&file.dashboard).await {
            Ok(mut bindings) => {
                for (name, value) in chosen {
                    if let Some(binding) = bindings.get_mut(name) {
                        binding.choice = Choice::One(value.clone());
                    }
                }
                work.extend(works(file, &bindings, report));
            }
            Err(why) => report.unreadable(file, &why),
        }
    }
    work
}

/// What the stack has: its jobs and the names of its metrics. That is how a program that is not part of a stack is told
/// from one that has nothing to say.
async fn known(stack: &Stack, window: Window) -> Result<Known, query::Error> {
    let up = stack.prometheus.instant("up", None).await?;
    let Data::Vector(samples) = up.data else { return Ok(Known::default()) };
    let jobs = samples.into_iter().filter_map(|mut sample| sample.labels.remove("job")).collect();
    let metrics = stack.prometheus.label_values("__name__", &[], window).await?;
    Ok(Known { jobs, metrics: metrics.into_iter().collect() })
}

/// The targets of a dashboard, those of repeated panels once per value.
fn works<'f>(file: &'f File, bindings: &Bindings, report: &mut Report) -> Vec<Work<'f>> {
    let mut found = Vec::new();
    for placed in walk::asking(&file.dashboard) {
        let panel = placed.panel;
        let mut instances = vec![bindings.clone()];
        for name in &placed.repeat {
            let values = bindings.get(*name).map(Binding::values).unwrap_or_default();
            let each = |of: &Bindings, value: &String| {
                let mut with = of.clone();
                if let Some(binding) = with.get_mut(*name) {
                    binding.choice = Choice::One(value.clone());
                }
                with
            };
            instances = instances
                .iter()
                .flat_map(|of| values.iter().map(|v| each(of, v)).collect::<Vec<_>>())
                .collect();
            instances.truncate(MOST_REPEATS);
        }
        for bindings in instances {
            let title = interpolate(&panel.name(), &bindings, Flavour::Plain);
            report.panel(file, &title, panel.kind != ANNOTATION);
            let asked = panel.targets.iter().filter(|target| !target.hide);
            found.extend(asked.map(|target| Work {
                file,
                panel,
                title: title.clone(),
                target,
                bindings: bindings.clone(),
            }));
        }
    }
    found
}

async fn judge(stack: &Stack, work: &Work<'_>, window: Window, known: &Known, folder: &Folder) -> Outcome {
    let outcome = match plan(work.panel, work.target, &work.bindings, window) {
        Plan::Bad(why) => Outcome::Error(why),
        Plan::Nothing(why) => Outcome::Empty(why),
        Plan::Ask(asks) => {
            let mut outcome = Outcome::Data;
            for ask in &asks {
                outcome = verdict::of(ask, ask::ask(stack, ask, window).await, known);
                if outcome != Outcome::Data {
                    break;
                }
            }
            outcome
        }
    };
    if let (Outcome::Empty(why), ANNOTATION) = (&outcome, work.panel.kind.as_str()) {
        return Outcome::Expected(format!("{why}: an annotation marks events, and there were none"));
    }
    let uid = work.file.dashboard.uid.as_deref().unwrap_or_default();
    match outcome {
        Outcome::Empty(why) => {
            let entry = folder.empty.iter().find(|e| e.covers(uid, &work.panel.name(), &work.target.ref_id));
            match entry {
                Some(entry) => {
                    Outcome::Expected(format!("{why}: {} Shown by: {}.", entry.reason, entry.shown_by))
                }
                None => Outcome::Empty(why),
            }
        }
        other => other,
    }
}
