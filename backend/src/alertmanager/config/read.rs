//! Reads the file as a whole, and what several of its parts have in common.

use std::time::Duration;

use yaml::{Problem, Reader};

use super::duration::positive;
use super::{Config, InhibitRule, receiver, route};
use crate::alertmanager::matchers::{self as conditions, Matchers};

/// The most bytes of a file.
const FILE_BYTES: usize = 1 << 20;
/// How many rules of inhibition there may be, how many lines of matchers, and how many labels in one list.
const MAX_RULES: usize = 200;
const MAX_MATCHERS: usize = 50;
pub(super) const MAX_LABELS: usize = 50;

/// What an alert without an end gets, when the file does not say.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(300);

impl Config {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The line and the key of the first mistake.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > FILE_BYTES {
            return Err(Problem::new(1, "", format!("the file is larger than {FILE_BYTES} bytes")));
        }
        let documents = yaml::documents(text)?;
        let document = match documents.as_slice() {
            [one] => Reader::of(one),
            [] => return Err(Problem::new(1, "", "the file is empty; it needs a route and receivers")),
            [_, second, ..] => return Err(Reader::of(second).problem("a second document; only one is read")),
        };
        let mut fields = document.fields()?;
        let resolve_timeout = match fields.optional("global").filter(|global| !global.is_nothing()) {
            Some(global) => resolve_timeout(&global)?,
            None => RESOLVE_TIMEOUT,
        };
        // The routes are read after those they lead to, wherever in the file they stand.
        let route = fields.required("route")?;
        let (receivers, secrets) = receiver::read(&fields.required("receivers")?)?;
        let names: Vec<&str> = receivers.iter().map(|receiver| receiver.name.as_str()).collect();
        let route = route::read(&route, &names, 0)?;
        let inhibit_rules = match fields.optional("inhibit_rules").filter(|rules| !rules.is_nothing()) {
            Some(rules) => list(&rules, MAX_RULES)?.iter().map(inhibit_rule).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        fields.end()?;
        Ok(Self { shown: without(text, secrets), resolve_timeout, route, receivers, inhibit_rules })
    }
}

fn resolve_timeout(global: &Reader<'_>) -> Result<Duration, Problem> {
    let mut fields = global.fields()?;
    let timeout = fields.optional("resolve_timeout").map_or(Ok(RESOLVE_TIMEOUT), |given| positive(&given))?;
    fields.end()?;
    Ok(timeout)
}

fn inhibit_rule(reader: &Reader<'_>) -> Result<InhibitRule, Problem> {
    let mut fields = reader.fields()?;
    // The name is for people alone.
    fields.optional("name").map(|name| name.text()).transpose()?;
    let rule = InhibitRule {
        source: matchers(&fields.required("source_matchers")?)?,
        target: matchers(&fields.required("target_matchers")?)?,
        equal: match fields.optional("equal") {
            Some(labels) => list(&labels, MAX_LABELS)?.iter().map(Reader::text).collect::<Result<_, _>>()?,
            None => Vec::new(),
        },
    };
    fields.end()?;
    Ok(rule)
}

/// A list of conditions that all have to hold.
pub(super) fn matchers(reader: &Reader<'_>) -> Result<Matchers, Problem> {
    let mut found = Vec::new();
    for line in list(reader, MAX_MATCHERS)? {
        let read = conditions::read(&line.verbatim()?).map_err(|error| line.problem(error))?;
        found.extend(read);
    }
    Ok(Matchers::new(found))
}

/// The items of a list that is not longer than `most`.
pub(super) fn list<'a>(reader: &Reader<'a>, most: usize) -> Result<Vec<Reader<'a>>, Problem> {
    let items = reader.items()?;
    if items.len() > most {
        return Err(reader.problem(format!("holds {} items; {most} is the most", items.len())));
    }
    Ok(items)
}

/// The text without what is secret, the longest first: one address may begin as another.
fn without(text: &str, mut secrets: Vec<String>) -> String {
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "<secret>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alertmanager::config::Integration;
    use crate::alertmanager::config::route::GroupBy;

    const WHOLE: &str = "
global: {resolve_timeout: 1m}
route:
  receiver: screen
  group_by: [service]
  routes:
    - matchers: [severity=\"page\", 'team=~\"a|b\"']
      receiver: hook
      group_by: ['...']
      group_wait: 0s
      group_interval: 10s
      repeat_interval: 1h30m
      continue: true
    - matchers: ['{x!=\"y\"}']
inhibit_rules:
  - name: gone
    source_matchers: [alertname=\"Gone\"]
    target_matchers: [alertname!=\"Gone\"]
    equal: [service]
receivers:
  - name: screen
  - name: hook
    webhook_configs:
      - {url: 'http://127.0.0.1:1/a', send_resolved: false, max_alerts: 2, timeout: 3s}
      - {url: 'http://127.0.0.1:1/ab'}
";

    #[test]
    fn the_whole_of_what_is_built_in_is_read() {
        let config = Config::parse(WHOLE).expect("valid");
        assert_eq!(config.resolve_timeout, Duration::from_secs(60));
        let page = &config.route.routes[0];
        assert_eq!(page.matchers.to_string(), r#"{severity="page",team=~"a|b"}"#);
        assert_eq!((page.group_by.clone(), page.goes_on), (Some(GroupBy::All), true));
        assert_eq!(page.group_wait, Some(Duration::ZERO));
        assert_eq!(page.repeat_interval, Some(Duration::from_secs(5400)));
        assert!(config.route.routes[1].receiver.is_none());
        assert_eq!(config.inhibit_rules[0].equal, ["service"]);
        let [Integration::Webhook(first), Integration::Webhook(second)] = config.integrations("hook") else {
            panic!("{config:?}")
        };
        assert_eq!(
            (first.send_resolved, first.max_alerts, first.timeout),
            (false, 2, Some(Duration::from_secs(3)))
        );
        assert_eq!((second.send_resolved, second.max_alerts, second.timeout), (true, 0, None));
    }

    #[test]
    fn a_receiver_without_a_channel_is_the_terminal() {
        let config = Config::load(None).expect("valid");
        assert!(matches!(config.integrations("terminal"), [Integration::Terminal]));
        assert!(matches!(
            Config::parse(WHOLE).expect("valid").integrations("screen"),
            [Integration::Terminal]
        ));
    }

    #[test]
    fn addresses_are_not_shown() {
        let config = Config::parse(WHOLE).expect("valid");
        assert!(!config.shown.contains("127.0.0.1"), "{}", config.shown);
        assert_eq!(config.shown.matches("<secret>").count(), 2);
    }

    #[test]
    fn every_mistake_is_told_with_its_line_and_key() {
        for (from, to, line, key, word) in [
            ("{resolve_timeout: 1m}", "{resolve_timeout: 1x}", 2, "global.resolve_timeout", "duration"),
            ("{resolve_timeout: 1m}", "{smtp_from: me}", 2, "global.smtp_from", "known"),
            ("  receiver: screen\n", "", 3, "route.receiver", "missing"),
            ("  receiver: screen\n", "  receiver: nobody\n", 4, "route.receiver", "screen, hook"),
            ("  group_by: [service]", "  group_by: [a, a]", 5, "route.group_by[1]", "twice"),
            ("['...']", "['...', a]", 9, "route.routes[0].group_by[0]", "alone"),
            ("  routes:", "  matchers: [a=b]\n  routes:", 6, "route.matchers", "every alert"),
            ("  routes:", "  continue: false\n  routes:", 6, "route.continue", "every alert"),
            ("severity=\"page\"", "severity", 7, "route.routes[0].matchers[0]", "bad matcher"),
            ("'team=~\"a|b\"'", "'team=~\"(\"'", 7, "route.routes[0].matchers[1]", "regexp"),
            ("interval: 10s", "interval: 0s", 11, "route.routes[0].group_interval", "zero"),
            ("continue: true", "continue: yes", 13, "route.routes[0].continue", "true or false"),
            (
                "continue: true",
                "mute_time_intervals: [x]",
                13,
                "route.routes[0].mute_time_intervals",
                "known",
            ),
            ("source_matchers", "source_match", 16, "inhibit_rules[0].source_matchers", "missing"),
            ("name: screen", "name: hook", 22, "receivers[1].name", "two receivers"),
            ("webhook_configs", "email_configs", 23, "receivers[1].email_configs", "known"),
            (
                "http://127.0.0.1:1/ab",
                "https://127.0.0.1:1/ab",
                25,
                "receivers[1].webhook_configs[1].url",
                "TLS",
            ),
            (
                "http://127.0.0.1:1/ab",
                "http://{{ .x }}",
                25,
                "receivers[1].webhook_configs[1].url",
                "templates",
            ),
            ("max_alerts: 2", "max_alerts: -2", 24, "receivers[1].webhook_configs[0].max_alerts", "whole"),
            ("timeout: 3s", "http_config: {}", 24, "receivers[1].webhook_configs[0].http_config", "known"),
            ("receivers:", "templates: ['x']\nreceivers:", 20, "templates", "known"),
        ] {
            assert!(WHOLE.contains(from), "{from}");
            let problem = Config::parse(&WHOLE.replacen(from, to, 1)).expect_err(to);
            assert_eq!((problem.line, problem.key.as_str()), (line, key), "{to}: {problem:?}");
            assert!(problem.message.contains(word), "{to}: {problem:?}");
        }
        assert!(Config::parse("").is_err_and(|p| p.message.contains("empty")));
        assert!(Config::parse("route: {").is_err());
    }

    #[test]
    fn a_file_that_is_not_there_is_told() {
        let told = Config::load(Some("/no/such/file.yaml".as_ref())).expect_err("none");
        assert_eq!(told, "/no/such/file.yaml: there is no such file");
    }
}
