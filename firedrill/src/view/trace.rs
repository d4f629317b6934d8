//! A trace as a tree with bars, and the log lines of each span below it.

use super::{BOLD, DIM, GREEN, Look, RED, SERVICES, Style, clean, cut, level_style, pairs};
use query::{
    LogEntry, UnixNanos,
    time::duration_text,
    trace::{Node, Place, Tree},
};

/// Levels of branches that are drawn; deeper spans keep the last ones behind `⋯`.
const LEVELS: usize = 12;
/// Columns of offset and duration each.
const TIMES: usize = 9;
/// Columns of the word for the side of a call; a narrow terminal cuts the long ones.
const SIDE: usize = 8;
const SIDE_NARROW: usize = 6;
/// Columns of the status, with its mark.
const STATUS: usize = 6;

/// The whole trace.
#[must_use]
pub fn render(tree: &Tree, look: Look) -> String {
    let mut drawing = Drawing { tree, look: Look { width: look.width.max(40), ..look }, out: Vec::new() };
    drawing.header();
    // Of each ancestor of the current span, whether a sibling follows it: where a branch goes on.
    let mut open: Vec<bool> = Vec::new();
    let mut heading = Place::Root;
    for (position, node) in tree.nodes.iter().enumerate() {
        if std::mem::discriminant(&node.place) != std::mem::discriminant(&heading) && node.depth == 0 {
            heading = node.place;
            drawing.heading(heading);
        }
        open.truncate(node.depth);
        if let Some(parent) = node.parent {
            open.push(tree.nodes[parent].children.last() != Some(&position));
        } else {
            open.push(false);
        }
        drawing.span(node, &open[1..]);
    }
    if !tree.loose_logs.is_empty() {
        let text = format!("log lines of spans that are not stored: {}", tree.loose_logs.len());
        drawing.line("");
        drawing.painted(BOLD, &text);
        for entry in &tree.loose_logs {
            drawing.log("  ", entry);
        }
    }
    for warning in &tree.warnings {
        drawing.painted(DIM, &format!("warning: {}", clean(warning)));
    }
    drawing.out.join("\n") + "\n"
}

struct Drawing<'a> {
    tree: &'a Tree,
    look: Look,
    out: Vec<String>,
}

impl Drawing<'_> {
    fn line(&mut self, text: &str) {
        self.out.push(text.trim_end().to_owned());
    }

    fn painted(&mut self, style: Style, text: &str) {
        let painted = self.look.paint(style, text);
        self.line(&painted);
    }

    fn header(&mut self) {
        let tree = self.tree;
        let correlation = tree.correlation_id();
        self.painted(BOLD, &format!("trace {}", tree.id));
        let names: Vec<_> = tree.services.iter().map(|name| clean(name)).collect();
        let mut facts = vec![
            format!("correlation {}", clean(correlation.as_deref().unwrap_or("-"))),
            UnixNanos::from_micros(tree.start_us).to_string(),
            duration_text(tree.duration_us),
            format!("{} spans", tree.nodes.len()),
            names.join(", "),
        ];
        if tree.errors() > 0 {
            facts.push(self.look.paint(RED, &format!("{} errors", tree.errors())));
        }
        self.line(&facts.join(" · "));
        self.line("");
    }

    fn heading(&mut self, place: Place) {
        let text = match place {
            Place::Orphan { .. } => "orphans: their parent span is not stored",
            Place::Circle => "in a circle: each is its own ancestor",
            Place::Root | Place::Child => return,
        };
        if self.out.last().is_some_and(|line| !line.is_empty()) {
            self.line("");
        }
        self.painted(BOLD, text);
    }

    fn span(&mut self, node: &Node, open: &[bool]) {
        let (at, below) = branches(open, !node.children.is_empty());
        let (bar_width, side_width) =
            if self.look.width >= 80 { (self.look.width / 5, SIDE) } else { (0, SIDE_NARROW) };
        let label_width = self.look.width.saturating_sub(bar_width + side_width + 2 * TIMES + STATUS + 5);

        let service = clean(&node.service);
        let resend = node.resend_count().map(|n| format!(" (resend {n})")).unwrap_or_default();
        let name = format!("{}{resend}", clean(&node.span.operation_name));
        let room = label_width.saturating_sub(at.chars().count());
        let service = cut(&service, room).into_owned();
        let name = cut(&name, room.saturating_sub(service.chars().count() + 1)).into_owned();
        let used = at.chars().count() + service.chars().count() + 1 + name.chars().count();
        let padding = " ".repeat(label_width.saturating_sub(used));

        let look = self.look;
        let style = self.service_style(node);
        let status = node.http_status().map(|code| format!(" {code}")).unwrap_or_default();
        let (mark, mark_style) = if node.is_error() { ("✗", RED) } else { ("✓", GREEN) };
        // A hop has two spans of the same name: the one that asks and the one that answers.
        let side = format!("{:<side_width$}", cut(node.side(), side_width));
        let text = format!(
            "{}{} {name}{padding} {} {}{:>TIMES$} {:>TIMES$} {}",
            look.paint(DIM, &at),
            look.paint(style, &service),
            look.paint(DIM, &side),
            self.bar(node, bar_width, style),
            format!("+{}", duration_text(node.offset_us)),
            duration_text(node.span.duration_us),
            look.paint(mark_style, &format!("{mark}{status}")),
        );
        self.line(&text);

        if let Place::Orphan { missing } = node.place {
            self.note(&below, DIM, &format!("parent {missing} is missing"));
        }
        if let Some(error) = node.error_note() {
            self.note(&below, RED, &format!("✗ {}", clean(&error)));
        }
        for link in node.links() {
            self.note(&below, DIM, &format!("→ linked to trace {} span {}", link.trace_id, link.span_id));
        }
        for entry in &node.logs {
            self.log(&below, entry);
        }
    }

    fn service_style(&self, node: &Node) -> Style {
        let index = self.tree.services.iter().position(|name| *name == node.service).unwrap_or(0);
        SERVICES[index % SERVICES.len()]
    }

    /// When the span ran within the trace; at least one column, so that a short span is seen.
    fn bar(&self, node: &Node, width: usize, style: Style) -> String {
        if width == 0 {
            return String::new();
        }
        let total = self.tree.duration_us.max(1) as f64;
        let column = |us: u64| (us as f64 / total * width as f64) as usize;
        let start = column(node.offset_us).min(width - 1);
        let end = column(node.offset_us.saturating_add(node.span.duration_us)).clamp(start + 1, width);
        let style = if node.is_error() { RED } else { style };
        let bar = self.look.paint(style, &"█".repeat(end - start));
        format!(
            "{}{bar}{} ",
            self.look.paint(DIM, &"·".repeat(start)),
            self.look.paint(DIM, &"·".repeat(width - end))
        )
    }

    fn note(&mut self, below: &str, style: Style, text: &str) {
        let text = cut(text, self.look.width.saturating_sub(below.chars().count()));
        let line = format!("{}{}", self.look.paint(DIM, below), self.look.paint(style, &text));
        self.line(&line);
    }

    /// `│  INFO +1.20 ms message key=value`, wrapped nowhere: a log line is one line.
    fn log(&mut self, below: &str, entry: &LogEntry) {
        let look = self.look;
        let offset = entry.time.micros().saturating_sub(self.tree.start_us);
        let level = format!("{:<5}", clean(&entry.level()));
        let mut room = look.width.saturating_sub(below.chars().count() + level.chars().count() + TIMES + 2);
        let mut text = String::new();
        let mut add = |plain: String, style: Option<Style>| {
            let shown = cut(&plain, room).into_owned();
            room -= shown.chars().count();
            text.push_str(&style.map_or_else(|| shown.clone(), |style| look.paint(style, &shown)));
        };
        add(clean(entry.message()).into_owned(), None);
        for (name, value) in pairs(entry) {
            add(format!(" {name}="), Some(DIM));
            add(value, None);
        }
        let line = format!(
            "{}{} {:>TIMES$} {text}",
            look.paint(DIM, below),
            look.paint(level_style(level.trim_end()), &level),
            format!("+{}", duration_text(offset)),
        );
        self.line(&line);
    }
}

/// What stands left of a span, and of the lines that belong to it.
fn branches(open: &[bool], has_children: bool) -> (String, String) {
    let Some((last, above)) = open.split_last() else {
        return (String::new(), if has_children { "│  " } else { "   " }.to_owned());
    };
    let hidden = above.len().saturating_sub(LEVELS);
    let mut stem = if hidden > 0 { "⋯  " } else { "" }.to_owned();
    for &goes_on in &above[hidden..] {
        stem.push_str(if goes_on { "│  " } else { "   " });
    }
    let at = format!("{stem}{}", if *last { "├─ " } else { "└─ " });
    let below =
        format!("{stem}{}{}", if *last { "│  " } else { "   " }, if has_children { "│  " } else { "   " });
    (at, below)
}
