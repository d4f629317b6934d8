//! Those who are told: by webhook, or, where a receiver has no channel of its own, on the terminal.
//!
//! To the real Alertmanager a receiver without a channel is one that hears nothing. Here nobody looks at Alertmanager's pages,
//! so it is the person at the terminal, and one file serves both.

use std::time::Duration;

use reqwest::Url;
use yaml::{Problem, Reader};

use super::duration::duration;
use super::read::list;

/// How many receivers there may be, and how many channels of one.
const MAX_RECEIVERS: usize = 200;
const MAX_CHANNELS: usize = 20;

/// Who is told.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    pub(crate) name: String,
    pub(crate) integrations: Vec<Integration>,
}

/// A channel.
#[derive(Clone, Debug)]
pub(crate) enum Integration {
    /// One line on the terminal.
    Terminal,
    /// A message to an address.
    Webhook(Webhook),
}

/// Where and what a webhook sends.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) url: Url,
    pub(crate) send_resolved: bool,
    /// Most alerts of one message; zero is no bound.
    pub(crate) max_alerts: usize,
    /// Longest one attempt may take.
    pub(crate) timeout: Option<Duration>,
}

impl Integration {
    /// As metrics and the notification log call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Webhook(_) => "webhook",
        }
    }

    /// Whether it tells the end of an alert, too.
    pub(crate) fn sends_resolved(&self) -> bool {
        match self {
            Self::Terminal => true,
            Self::Webhook(webhook) => webhook.send_resolved,
        }
    }
}

/// Reads all of them; the second list is what is secret of them, as the file has it.
pub(super) fn read(reader: &Reader<'_>) -> Result<(Vec<Receiver>, Vec<String>), Problem> {
    let (mut receivers, mut secrets) = (Vec::<Receiver>::new(), Vec::new());
    for item in list(reader, MAX_RECEIVERS)? {
        let mut fields = item.fields()?;
        let given = fields.required("name")?;
        let name = given.text()?;
        if receivers.iter().any(|receiver| receiver.name == name) {
            return Err(given.problem(format!("{name:?} is the name of two receivers")));
        }
        let mut integrations = Vec::new();
        if let Some(webhooks) = fields.optional("webhook_configs") {
            for channel in list(&webhooks, MAX_CHANNELS)? {
                integrations.push(Integration::Webhook(webhook(&channel, &mut secrets)?));
            }
        }
        fields.end()?;
        if integrations.is_empty() {
            integrations.push(Integration::Terminal);
        }
        receivers.push(Receiver { name, integrations });
    }
    Ok((receivers, secrets))
}

fn webhook(reader: &Reader<'_>, secrets: &mut Vec<String>) -> Result<Webhook, Problem> {
    let mut fields = reader.fields()?;
    let address = fields.required("url")?;
    let webhook = Webhook {
        url: url(&address)?,
        send_resolved: fields.optional("send_resolved").map_or(Ok(true), |given| given.truth())?,
        max_alerts: fields.optional("max_alerts").map_or(Ok(0), |given| whole(&given))?,
        timeout: fields
            .optional("timeout")
            .map(|given| duration(&given))
            .transpose()?
            .filter(|t| !t.is_zero()),
    };
    secrets.push(address.text()?);
    fields.end()?;
    Ok(webhook)
}

fn url(reader: &Reader<'_>) -> Result<Url, Problem> {
    let text = reader.text()?;
    if text.contains("{{") {
        return Err(reader.problem("templates are not built in; write the address itself"));
    }
    let url = Url::parse(&text).ok().filter(|url| url.scheme() == "http" && url.has_host());
    url.ok_or_else(|| {
        reader.problem("expected an address such as http://127.0.0.1:8080/alerts; there is no TLS here")
    })
}

fn whole(reader: &Reader<'_>) -> Result<usize, Problem> {
    let read = reader.text().ok().and_then(|text| text.parse::<u32>().ok());
    read.map(|n| n as usize).ok_or_else(|| reader.problem("expected a whole number"))
}
