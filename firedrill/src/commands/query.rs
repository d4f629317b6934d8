//! `firedrill query`: one PromQL expression, now or over time, once or again and again.

use super::{
    follow,
    output::{self, Screen},
    range,
};
use crate::{
    cli::Query,
    failure::{Code, Outcome},
    home::Home,
    run_file::RunFile,
    stack, view,
};

/// Asks the Prometheus API and prints a table or a chart, or the API's own JSON.
pub(super) async fn run(home: &Home, options: &Query, json: bool) -> Outcome {
    let prometheus = stack::of(&RunFile::find(home)?)?.prometheus;
    if options.follow {
        let mut screen = Screen::new();
        return follow::follow(home, async || {
            let text = answer(&prometheus, options, json).await?;
            Ok(if json { output::line(&text) } else { screen.show(&text) })
        })
        .await;
    }
    output::print(&answer(&prometheus, options, json).await.map_err(|e| stack::failed(&e))?);
    Ok(Code::Good)
}

async fn answer(prometheus: &query::Prometheus, options: &Query, json: bool) -> Result<String, query::Error> {
    let expression = &options.expression;
    Ok(match options.since.map(range::last) {
        None if json => prometheus.instant_json(expression, None).await?.to_string(),
        None => view::query::render(&prometheus.instant(expression, None).await?, output::look()),
        Some((window, step)) if json => prometheus.range_json(expression, window, step).await?.to_string(),
        Some((window, step)) => {
            let answer = prometheus.range(expression, window, step).await?;
            view::chart::render(&answer, window, step, output::look())
        }
    })
}
