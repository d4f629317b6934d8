//! A Grafana dashboard as its JSON has it: only the fields that say what is asked of whom, where it stands and what it
//! is called. Everything may be absent or null, as Grafana writes it; whether that is right is for the rules to say.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One dashboard.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Dashboard {
    /// The number a running Grafana gave it.
    pub id: Value,
    /// The name in its URL.
    pub uid: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// By which it is found.
    #[serde(deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// Its variables.
    #[serde(deserialize_with = "or_default")]
    pub templating: Templating,
    /// Its annotations.
    #[serde(deserialize_with = "or_default")]
    pub annotations: Annotations,
    /// Links at its top.
    #[serde(deserialize_with = "or_default")]
    pub links: Vec<Link>,
    /// Panels and rows.
    #[serde(deserialize_with = "or_default")]
    pub panels: Vec<Panel>,
    /// The annotations that ask something, each as a panel of the kind [`ANNOTATION`]: their queries are run and held
    /// against the rules like those of panels.
    #[serde(skip)]
    pub marks: Vec<Panel>,
}

/// The kind of the panels that stand for annotations.
pub const ANNOTATION: &str = "annotation";

impl Dashboard {
    /// Makes [`Dashboard::marks`] of the annotations.
    pub fn mark(&mut self) {
        let asking = self.annotations.list.iter().filter(|annotation| annotation.expr.is_some());
        let panel = |annotation: &Annotation| Panel {
            title: Some(format!("annotation {}", annotation.name)),
            kind: ANNOTATION.to_owned(),
            datasource: annotation.datasource.clone(),
            targets: vec![Target {
                ref_id: ANNOTATION.to_owned(),
                expr: annotation.expr.clone(),
                ..Target::default()
            }],
            ..Panel::default()
        };
        self.marks = asking.map(panel).collect();
    }
}

/// The list of variables.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Templating {
    /// In the order in which they are shown.
    #[serde(deserialize_with = "or_default")]
    pub list: Vec<Variable>,
}

/// One variable.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Variable {
    /// How it is used: `$name`.
    pub name: String,
    /// `query`, `custom`, `interval`, `textbox`, `constant`, `datasource` or `adhoc`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is shown before it.
    pub label: Option<String>,
    /// Whom a query variable asks.
    pub datasource: Option<DataSource>,
    /// The question of a query variable, the list of a custom one, the plugin of a data source.
    pub query: Value,
    /// Which of the answers are taken, and which part of each.
    pub regex: Option<String>,
    /// What is chosen when the dashboard opens.
    #[serde(deserialize_with = "or_default")]
    pub current: Current,
    /// Whether several can be chosen.
    pub multi: bool,
    /// Whether all can be chosen at once.
    pub include_all: bool,
    /// What stands for all of them, instead of their list.
    pub all_value: Option<String>,
    /// When it is asked anew: 1 on load, 2 when the time range changes.
    pub refresh: Value,
    /// 1 hides the label, 2 the whole variable.
    pub hide: Value,
    /// Whether an interval variable offers a value that follows the time range.
    pub auto: bool,
    /// Into how many steps that value divides the range.
    #[serde(rename = "auto_count")]
    pub auto_count: Option<u32>,
    /// What it does not go below.
    #[serde(rename = "auto_min")]
    pub auto_min: Option<String>,
}

/// The choice that is stored with a variable.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Current {
    /// One value or a list.
    pub value: Value,
}

/// The list of annotations.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// All of them.
    #[serde(deserialize_with = "or_default")]
    pub list: Vec<Annotation>,
}

/// Marks on the time axis that come from a query.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotation {
    /// Its name.
    pub name: String,
    /// Whom it asks.
    pub datasource: Option<DataSource>,
    /// What it asks, of Prometheus or Loki.
    pub expr: Option<String>,
}

/// A link to another page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Link {
    /// What it is called.
    pub title: Option<String>,
    /// Where it goes.
    pub url: Option<String>,
    /// `link`, or `dashboards` for all that have the tags.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Of the dashboards it lists.
    #[serde(deserialize_with = "or_default")]
    pub tags: Vec<String>,
}

/// A data source by its uid; older dashboards name it by a string alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum DataSource {
    /// Plugin and uid.
    Typed {
        /// The plugin: `prometheus`, `loki`, `jaeger`.
        #[serde(rename = "type", default)]
        kind: Option<String>,
        /// The uid, or a variable that holds it.
        #[serde(default)]
        uid: Option<String>,
    },
    /// A name or a variable.
    Named(String),
}

impl DataSource {
    /// The uid as it stands there.
    pub fn uid(&self) -> Option<&str> {
        match self {
            Self::Typed { uid, .. } => uid.as_deref(),
            Self::Named(name) => Some(name),
        }
    }

    /// The plugin, where it is written down.
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Typed { kind, .. } => kind.as_deref(),
            Self::Named(_) => None,
        }
    }
}

/// A panel, or a row with the panels that are folded into it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Panel {
    /// Its number within the dashboard.
    pub id: Option<i64>,
    /// Its title.
    pub title: Option<String>,
    /// What it shows and what bad looks like.
    pub description: Option<String>,
    /// The plugin that draws it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it stands.
    pub grid_pos: Option<GridPos>,
    /// Whom its targets ask that name nobody.
    pub datasource: Option<DataSource>,
    /// What it asks.
    #[serde(deserialize_with = "or_default")]
    pub targets: Vec<Target>,
    /// Units and links of its values.
    #[serde(deserialize_with = "or_default")]
    pub field_config: FieldConfig,
    /// Options of the plugin.
    pub options: Value,
    /// Links in its corner.
    #[serde(deserialize_with = "or_default")]
    pub links: Vec<Link>,
    /// The smallest step of its queries.
    pub interval: Option<String>,
    /// How many points it draws at most.
    pub max_data_points: Option<f64>,
    /// Drawn once per value of this variable.
    pub repeat: Option<String>,
    /// The panels folded into a row.
    #[serde(deserialize_with = "or_default")]
    pub panels: Vec<Panel>,
}

impl Panel {
    /// A row is a heading, not something that shows data.
    pub fn is_row(&self) -> bool {
        self.kind == "row"
    }

    /// The title, or what stands for it in a message.
    pub fn name(&self) -> String {
        match (&self.title, self.id) {
            (Some(title), _) if !title.trim().is_empty() => title.clone(),
            (_, Some(id)) => format!("(panel {id}, without a title)"),
            (_, None) => "(a panel without title and id)".to_owned(),
        }
    }
}

/// A place on the grid of 24 columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GridPos {
    /// Column of its left edge.
    pub x: i64,
    /// Line of its upper edge.
    pub y: i64,
    /// Width in columns.
    pub w: i64,
    /// Height in lines.
    pub h: i64,
}

/// How values are written, and where a click on one leads.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FieldConfig {
    /// Of all fields.
    #[serde(deserialize_with = "or_default")]
    pub defaults: FieldDefaults,
    /// Of some of them.
    #[serde(deserialize_with = "or_default")]
    pub overrides: Vec<Override>,
}

/// Of all fields of a panel.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FieldDefaults {
    /// Grafana's name of the unit.
    pub unit: Option<String>,
    /// Links of their values.
    #[serde(deserialize_with = "or_default")]
    pub links: Vec<Link>,
}

/// What holds for some fields instead.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Override {
    /// Each by its name.
    #[serde(deserialize_with = "or_default")]
    pub properties: Vec<Property>,
}

/// One property of fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Property {
    /// Its name: `unit`, `links`, `thresholds`.
    pub id: String,
    /// Its value, of whatever form it has.
    pub value: Value,
}

/// One query of a panel.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Target {
    /// Its letter.
    pub ref_id: String,
    /// Whom it asks, where not the panel's.
    pub datasource: Option<DataSource>,
    /// PromQL or LogQL.
    pub expr: Option<String>,
    /// Asked at the end of the window alone.
    pub instant: Option<bool>,
    /// Asked over the window.
    pub range: Option<bool>,
    /// Exemplars are wanted too.
    pub exemplar: Option<bool>,
    /// `time_series`, `table`, `heatmap`.
    pub format: Option<String>,
    /// The name of each series.
    pub legend_format: Option<String>,
    /// The smallest step.
    pub interval: Option<String>,
    /// By how much the step is stretched.
    pub interval_factor: Option<u32>,
    /// Not asked.
    pub hide: bool,
    /// `range` or `instant` of Loki; `search`, `dependencyGraph` or none of Jaeger.
    pub query_type: Option<String>,
    /// The trace id that Jaeger is asked for.
    pub query: Value,
    /// Of a search for traces.
    pub service: Option<String>,
    /// Of a search for traces.
    pub operation: Option<String>,
    /// Of a search for traces: `key=value key="a value"`.
    pub tags: Option<String>,
    /// Of a search for traces.
    pub min_duration: Option<String>,
    /// Of a search for traces.
    pub max_duration: Option<String>,
    /// At most so many traces.
    pub limit: Value,
    /// At most so many lines.
    pub max_lines: Value,
    /// The step of a Loki query.
    pub step: Option<String>,
}

/// Grafana writes null where a list or an object is meant to be empty.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}
