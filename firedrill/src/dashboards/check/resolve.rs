//! Values of a dashboard's variables: those that stand in it, and those that a data source is asked for.

use query::{
    Labels, Stack, Window,
    prometheus::{Sample, format_value},
};

use crate::dashboards::{
    expand::{
        value::Bindings,
        variable::{Question, Source, bind, ordered, source},
    },
    model::{Dashboard, Variable},
    plan::{self, Api},
};

/// Asks for options.
pub(super) struct Answers<'s> {
    stack: &'s Stack,
    window: Window,
}

impl<'s> Answers<'s> {
    pub(super) fn new(stack: &'s Stack, window: Window) -> Self {
        Self { stack, window }
    }

    /// The values with which the dashboard opens.
    ///
    /// # Errors
    /// A variable cannot be given one; the text names it and says why.
    pub(super) async fn bindings(&self, dashboard: &Dashboard) -> Result<Bindings, String> {
        let mut bindings = Bindings::new();
        for variable in ordered(&dashboard.templating.list)? {
            let named = |why: String| format!("the variable {}: {why}", variable.name);
            let options = match source(variable, &bindings, self.window).map_err(named)? {
                Source::Known(options) => options,
                Source::Nothing => continue,
                Source::Ask(question) => {
                    let options = self.options(variable, &question, &bindings).await.map_err(named)?;
                    if options.is_empty() && variable.all_value.as_deref().unwrap_or_default().is_empty() {
                        return Err(named(format!(
                            "the data source gives no values to choose from: {question}"
                        )));
                    }
                    options
                }
            };
            bindings.insert(variable.name.clone(), bind(variable, options));
        }
        Ok(bindings)
    }

    async fn options(
        &self,
        variable: &Variable,
        question: &Question,
        before: &Bindings,
    ) -> Result<Vec<String>, String> {
        let api = plan::api(variable.datasource.as_ref(), before)?;
        let (prometheus, loki, window) = (&self.stack.prometheus, &self.stack.loki, self.window);
        let options = match (api, question) {
            (Api::Prometheus, Question::LabelValues { label, selector }) => {
                let selectors: Vec<&str> = selector.as_deref().into_iter().collect();
                prometheus.label_values(label, &selectors, window).await
            }
            (Api::Prometheus, Question::LabelNames) => prometheus.labels(&[], window).await,
            (Api::Prometheus, Question::Metrics(pattern)) => {
                let all = prometheus.label_values("__name__", &[], window).await;
                let pattern = regex::Regex::new(pattern).map_err(|e| e.to_string())?;
                all.map(|names| names.into_iter().filter(|name| pattern.is_match(name)).collect())
            }
            (Api::Prometheus, Question::Result(expr)) => {
                let answer = prometheus.instant(expr, Some(window.end)).await;
                answer.map(|answer| answer.data.into_samples().iter().map(written).collect())
            }
            (Api::Loki, Question::LabelValues { label, selector: None }) => {
                loki.label_values(label, window).await
            }
            (Api::Loki, Question::LabelValues { label, selector: Some(selector) }) => {
                let streams = loki.series(&[selector.as_str()], window).await;
                streams.map(|streams| streams.into_iter().filter_map(|mut s| s.remove(label)).collect())
            }
            (Api::Loki, Question::LabelNames) => loki.labels(window).await,
            (Api::Jaeger, Question::Result(_)) => self.stack.jaeger.services().await,
            (api, question) => return Err(format!("{question} is no question for {api:?}")),
        };
        options.map_err(|e| e.to_string()).map(sorted)
    }
}

fn sorted(mut options: Vec<String>) -> Vec<String> {
    options.sort();
    options.dedup();
    options
}

/// A sample as Grafana offers it to the variable's expression: `up{job="a"} 1 1700000000000`.
fn written(sample: &Sample) -> String {
    let mut labels: Labels = sample.labels.clone();
    let name = labels.remove("__name__").unwrap_or_default();
    let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={}", query::quoted(v))).collect();
    let millis = sample.point.time.0 / 1_000_000;
    format!("{name}{{{}}} {} {millis}", pairs.join(","), format_value(sample.point.value))
}
