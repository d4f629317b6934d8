//! What a panel of a dashboard shows at one moment, as a person would read it there: its queries with the values that are chosen, and
//! the largest number of the series that are meant.

use std::collections::BTreeMap;

use loadgen::faults::Shown;
use query::{Labels, Stack, Window, loki};

use super::{largest, points};
use crate::dashboards::{check, folder::Folder, plan::Ask};

/// The largest number; 0 when there is none.
///
/// # Errors
/// There is no such panel, it cannot be asked, or it shows no numbers. One line.
pub(super) async fn shown(
    stack: &Stack,
    Shown { dashboard, title, chosen, series }: &Shown,
    window: Window,
) -> Result<f64, String> {
    let mut folder = Folder::open(None).map_err(|e| e.to_string())?;
    folder.files.retain(|file| file.dashboard.uid.as_ref() == Some(dashboard));
    let file = folder.files.first().ok_or_else(|| format!("there is no dashboard {dashboard}"))?;
    let ours = format!("{}: {title}: ", file.name);
    let asked = check::asked(stack, &folder, window, chosen).await;
    let asks: Vec<Ask> =
        asked.into_iter().filter(|(name, _)| name.starts_with(&ours)).flat_map(|(_, asks)| asks).collect();
    let mut most: Option<f64> = None;
    for ask in asks {
        let data = match ask {
            // Of a stretch of time, its end: what came before belongs to what was before.
            Ask::Instant { expr } | Ask::Range { expr, .. } => {
                stack.prometheus.instant(&expr, Some(window.end)).await.map_err(|e| e.to_string())?.data
            }
            Ask::LogInstant { expr, limit } | Ask::LogRange { expr, limit, .. } => {
                match stack.loki.instant(&expr, window.end, limit).await.map_err(|e| e.to_string())? {
                    loki::Answer::Numbers(data) => data,
                    loki::Answer::Lines(_) => continue,
                }
            }
            _ => continue,
        };
        let meant = points(data).filter(|(labels, _)| has(labels, series)).map(|(_, value)| value);
        most = Some(largest(meant).max(most.unwrap_or_default()));
    }
    most.ok_or_else(|| format!("{dashboard} has no panel {title:?} that shows numbers"))
}

/// Whether a series has all of these labels.
fn has(labels: &Labels, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_meant_by_its_labels() {
        let pairs =
            |all: &[(&str, &str)]| all.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let labels: Labels = pairs(&[("service", "order-service"), ("status", "503")]);
        for (wanted, meant) in [
            (&[][..], true),
            (&[("status", "503")], true),
            (&[("status", "500")], false),
            (&[("status", "503"), ("version", "2")], false),
        ] {
            assert_eq!(has(&labels, &pairs(wanted)), meant, "{wanted:?}");
        }
    }
}
