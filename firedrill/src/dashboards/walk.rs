//! The panels of a dashboard in the order in which they are read: rows opened, headings left out.

use super::model::{Dashboard, Panel};

/// A panel, and the variables that it is drawn once for each value of: its own and its row's.
#[derive(Clone, Debug)]
pub struct Placed<'d> {
    /// The panel.
    pub panel: &'d Panel,
    /// Names of variables; none, one or two.
    pub repeat: Vec<&'d str>,
}

/// All panels but the rows, those folded into rows included.
pub fn panels(dashboard: &Dashboard) -> Vec<Placed<'_>> {
    let mut found = Vec::new();
    let mut row: Option<&str> = None;
    let of = |panel: &Panel, row: Option<&str>| -> Vec<String> {
        row.into_iter().chain(repeat(panel)).map(str::to_owned).collect()
    };
    for panel in &dashboard.panels {
        if panel.is_row() {
            // An open row is followed by its panels, a folded one holds them.
            row = repeat(panel);
            found.extend(panel.panels.iter().map(|inner| (inner, of(inner, row))));
        } else {
            found.push((panel, of(panel, row)));
        }
    }
    let names = |repeat: Vec<String>| -> Vec<&str> {
        let known = dashboard.templating.list.iter().map(|v| v.name.as_str());
        known.filter(|name| repeat.iter().any(|r| r == name)).collect()
    };
    found.into_iter().map(|(panel, repeat)| Placed { panel, repeat: names(repeat) }).collect()
}

/// All that asks: the panels, then the annotations.
pub fn asking(dashboard: &Dashboard) -> Vec<Placed<'_>> {
    let mut found = panels(dashboard);
    found.extend(dashboard.marks.iter().map(|panel| Placed { panel, repeat: Vec::new() }));
    found
}

fn repeat(panel: &Panel) -> Option<&str> {
    panel.repeat.as_deref().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_and_open_rows_give_their_panels_and_their_repetition() {
        let json = r#"{"templating":{"list":[{"name":"service","type":"query"},{"name":"route","type":"query"}]},"panels":[
            {"type":"stat","title":"a"},
            {"type":"row","title":"r","repeat":"service","panels":[]},
            {"type":"stat","title":"b","repeat":"route"},
            {"type":"row","title":"s","panels":[{"type":"stat","title":"c"}]},
            {"type":"stat","title":"d"}]}"#;
        let dashboard: Dashboard = serde_json::from_str(json).expect("a dashboard");
        let found: Vec<_> = panels(&dashboard).into_iter().map(|p| (p.panel.name(), p.repeat)).collect();
        let wanted: [(&str, Vec<&str>); 4] =
            [("a", vec![]), ("b", vec!["service", "route"]), ("c", vec![]), ("d", vec![])];
        assert_eq!(found, wanted.map(|(name, repeat)| (name.to_owned(), repeat)));
    }
}
