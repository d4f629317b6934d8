//! `firedrill logs`: the newest lines that match a LogQL query, the oldest of them first, and then those that come; the
//! numbers of a LogQL metric query as a chart.

use query::{
    LogEntry, Loki, UnixNanos,
    loki::{Answer, Follow},
    prometheus,
};
use serde_json::{Value, json};

use super::{
    follow::{self, Reader},
    output::{self, Screen},
    range,
};
use crate::{
    cli::Logs,
    failure::{Code, Outcome},
    home::Home,
    run_file::RunFile,
    stack,
    view::{
        self,
        logs::{Shared, render, shared_line},
    },
};

/// Asks the Loki API and prints one line per entry or a chart, or the API's own JSON.
pub(super) async fn run(home: &Home, options: &Logs, json: bool) -> Outcome {
    let loki = stack::of(&RunFile::find(home)?)?.loki;
    if options.follow {
        return follow_either(home, &loki, options, json).await;
    }
    if json {
        output::print(&answer_json(&loki, options).await.map_err(|e| stack::failed(&e))?);
        return Ok(Code::Good);
    }
    let (window, step) = range::last(options.since);
    let limit = options.limit as usize;
    let answer = loki.range(&options.query, window, step, limit).await;
    match answer.map_err(|e| stack::failed(&e))? {
        Answer::Lines(lines) if lines.is_empty() => {
            output::note(&format!("no line matches in the last {}", view::span(options.since)));
        }
        Answer::Lines(mut lines) => {
            // The newest are what was asked for; people read them downwards.
            lines.sort_by_key(|line| line.time);
            output::print(&Lines::default().text(&lines));
        }
        Answer::Numbers(data) => output::print(&chart(data, window, step)),
    }
    Ok(Code::Good)
}

async fn answer_json(loki: &Loki, options: &Logs) -> Result<String, query::Error> {
    let (window, step) = range::last(options.since);
    let answer = loki.range_json(&options.query, window, step, options.limit as usize).await?;
    Ok(answer.to_string())
}

/// A metric query is drawn anew each time; of a log query come the new lines.
async fn follow_either(home: &Home, loki: &Loki, options: &Logs, json: bool) -> Outcome {
    let (window, step) = range::last(options.since);
    let kind = loki.range(&options.query, window, step, 1).await.map_err(|e| stack::failed(&e))?;
    if let Answer::Numbers(_) = kind {
        let mut screen = Screen::new();
        return follow::follow(home, async || {
            if json {
                return Ok(output::line(&answer_json(loki, options).await?));
            }
            let (window, step) = range::last(options.since);
            match loki.range(&options.query, window, step, 1).await? {
                Answer::Numbers(data) => Ok(screen.show(&chart(data, window, step))),
                Answer::Lines(_) => Ok(Reader::Reads),
            }
        })
        .await;
    }
    let start = UnixNanos::now().before(options.since);
    let mut new = Follow::new(loki.clone(), &options.query, start, options.limit as usize);
    let mut lines = Lines::default();
    follow::follow(home, async || {
        let entries = new.next().await?;
        if entries.is_empty() {
            return Ok(output::reader());
        }
        let text = if json { objects(&entries) } else { lines.text(&entries) };
        Ok(output::line(&text))
    })
    .await
}

/// Lines for people; what those of a service share is told beside them, once.
#[derive(Default)]
struct Lines(Shared);

impl Lines {
    fn text(&mut self, entries: &[LogEntry]) -> String {
        for (service, labels) in self.0.learn(entries) {
            if let Some(line) = shared_line(&service, &labels, output::look_of_stderr()) {
                output::note(&line);
            }
        }
        render(entries, &self.0, output::look())
    }
}

fn objects(entries: &[LogEntry]) -> String {
    let object = |entry: &LogEntry| -> Value {
        json!({
            "timestamp": entry.time.0.to_string(),
            "line": entry.line,
            "labels": entry.labels,
            "metadata": entry.metadata,
        })
    };
    entries.iter().map(|entry| object(entry).to_string()).collect::<Vec<_>>().join("\n")
}

fn chart(data: prometheus::Data, window: query::Window, step: std::time::Duration) -> String {
    let answer = prometheus::Answer { data, warnings: Vec::new() };
    view::chart::render(&answer, window, step, output::look())
}
