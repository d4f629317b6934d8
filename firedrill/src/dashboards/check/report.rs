//! What came of it: target by target, panel by panel, and in sum.

use serde::Serialize;

use crate::dashboards::folder::File;

/// What one target gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something to show.
    Data,
    /// Nothing, and nobody said that this is right; why.
    Empty(String),
    /// Nothing, as is right on a healthy system; why.
    Expected(String),
    /// The question got no answer; why.
    Error(String),
    /// The backend says that it cannot answer this; why.
    Unsupported(String),
    /// The stack has no program that could know; which.
    Absent(String),
}

/// What a person sees of a panel: the worst of its targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A panel that asks nothing.
    Static,
    /// Of a target alone: it asks for a program that this stack does not have. One panel may serve several kinds of
    /// stacks with a target for each, so it counts only when there is nothing else.
    Absent,
    /// Every target shows something.
    Data,
    /// Some target shows nothing, as is right on a healthy system.
    EmptyByNature,
    /// Some target cannot be answered by this stack.
    Unsupported,
    /// Some target shows nothing.
    Empty,
    /// Some target fails.
    Error,
}

impl State {
    /// As it is written for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Absent => "not part of this stack",
            Self::Data => "data",
            Self::EmptyByNature => "empty by nature",
            Self::Unsupported => "not supported by this backend",
            Self::Empty => "empty",
            Self::Error => "error",
        }
    }
}

/// One target that gives no data, and why.
#[derive(Clone, Debug, Serialize)]
pub struct TargetReport {
    /// Its letter.
    pub target: String,
    /// What it is.
    pub state: State,
    /// Why.
    pub reason: String,
}

/// One panel, or one of a repeated panel's instances.
#[derive(Clone, Debug, Serialize)]
pub struct PanelReport {
    /// The dashboard's file.
    pub file: String,
    /// The panel's title.
    pub panel: String,
    /// The worst of its targets.
    pub state: State,
    /// The targets that give no data.
    pub without_data: Vec<TargetReport>,
}

/// All of it. The numbers count panels but for `targets` and `with_data`, which count targets.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How many dashboards were walked.
    pub dashboards: usize,
    /// Panels, rows not counted.
    pub panels: usize,
    /// Targets that were run.
    pub targets: usize,
    /// Targets that gave something.
    pub with_data: usize,
    /// Panels with an error.
    pub errors: usize,
    /// Panels that are empty and should not be.
    pub empty: usize,
    /// Panels that are empty as is right on a healthy system.
    pub empty_by_nature: usize,
    /// Panels that this stack cannot answer.
    pub unsupported: usize,
    /// Each of them.
    pub panel_list: Vec<PanelReport>,
}

impl Report {
    pub(super) fn new(dashboards: usize) -> Self {
        Self {
            dashboards,
            panels: 0,
            targets: 0,
            with_data: 0,
            errors: 0,
            empty: 0,
            empty_by_nature: 0,
            unsupported: 0,
            panel_list: Vec::new(),
        }
    }

    /// Nothing fails and nothing is empty that should not be.
    pub fn good(&self) -> bool {
        self.errors == 0 && self.empty == 0
    }

    /// A dashboard whose variables have no values: none of its panels can be asked.
    pub(super) fn unreadable(&mut self, file: &File, why: &str) {
        self.panel(file, VARIABLES, false);
        self.worse(State::Error);
        self.add_to_last("", State::Error, why);
    }

    /// A panel, whose targets follow; or something that is listed like one and does not count as one.
    pub(super) fn panel(&mut self, file: &File, title: &str, counts: bool) {
        self.panels += usize::from(counts);
        let (file, panel) = (file.name.clone(), title.to_owned());
        self.panel_list.push(PanelReport { file, panel, state: State::Static, without_data: Vec::new() });
    }

    /// What one target of a panel gives.
    pub(super) fn add(&mut self, file: &File, title: &str, target: &str, outcome: Outcome) {
        self.targets += 1;
        let (state, reason) = match outcome {
            Outcome::Data => (State::Data, None),
            Outcome::Empty(why) => (State::Empty, Some(why)),
            Outcome::Expected(why) => (State::EmptyByNature, Some(why)),
            Outcome::Error(why) => (State::Error, Some(why)),
            Outcome::Unsupported(why) => (State::Unsupported, Some(why)),
            Outcome::Absent(why) => (State::Absent, Some(why)),
        };
        self.with_data += usize::from(state == State::Data);
        let found = self.panel_list.iter_mut().find(|p| p.file == file.name && p.panel == title);
        if let Some(panel) = found {
            panel.state = panel.state.max(state);
            panel.without_data.extend(reason.map(|reason| TargetReport {
                target: target.to_owned(),
                state,
                reason,
            }));
        }
        self.count();
    }

    /// When all targets are in: a panel of which this stack has no program at all is one that it cannot answer.
    pub(super) fn finish(mut self) -> Self {
        for panel in self.panel_list.iter_mut().filter(|p| p.state == State::Absent) {
            panel.state = State::Unsupported;
        }
        self.count();
        self
    }

    fn worse(&mut self, state: State) {
        if let Some(panel) = self.panel_list.last_mut() {
            panel.state = panel.state.max(state);
        }
        self.count();
    }

    fn add_to_last(&mut self, target: &str, state: State, reason: &str) {
        let entry = TargetReport { target: target.to_owned(), state, reason: reason.to_owned() };
        if let Some(panel) = self.panel_list.last_mut() {
            panel.without_data.push(entry);
        }
    }

    fn count(&mut self) {
        let count = |state| self.panel_list.iter().filter(|p| p.state == state).count();
        (self.errors, self.empty) = (count(State::Error), count(State::Empty));
        (self.empty_by_nature, self.unsupported) = (count(State::EmptyByNature), count(State::Unsupported));
    }
}

/// Stands for the panels of a dashboard that cannot be asked at all.
const VARIABLES: &str = "(its variables)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboards::folder::Folder;

    #[test]
    fn a_panel_is_as_bad_as_its_worst_target() {
        let folder = Folder::of([("a.json".to_owned(), "{}".to_owned())].into_iter()).expect("a dashboard");
        let file = &folder.files[0];
        let mut report = Report::new(1);
        for title in ["one", "two", "text"] {
            report.panel(file, title, true);
        }
        report.add(file, "one", "A", Outcome::Data);
        report.add(file, "one", "B", Outcome::Expected("no retries".to_owned()));
        assert!(report.good());
        report.add(file, "two", "A", Outcome::Unsupported("no collector".to_owned()));
        report.add(file, "two", "B", Outcome::Error("bad".to_owned()));
        assert!(!report.good());
        let states: Vec<_> = report.panel_list.iter().map(|p| p.state).collect();
        assert_eq!(states, [State::EmptyByNature, State::Error, State::Static]);
        assert_eq!((report.panels, report.targets, report.with_data), (3, 4, 1));
        assert_eq!((report.errors, report.empty, report.empty_by_nature, report.unsupported), (1, 0, 1, 0));
    }

    #[test]
    fn a_target_of_another_kind_of_stack_counts_only_when_it_is_alone() {
        let folder = Folder::of([("a.json".to_owned(), "{}".to_owned())].into_iter()).expect("a dashboard");
        let file = &folder.files[0];
        let mut report = Report::new(1);
        for title in ["both", "alone"] {
            report.panel(file, title, true);
            report.add(file, title, "A", Outcome::Absent("no collector".to_owned()));
        }
        report.add(file, "both", "B", Outcome::Data);
        let report = report.finish();
        let states: Vec<_> = report.panel_list.iter().map(|p| p.state).collect();
        assert_eq!(states, [State::Data, State::Unsupported]);
        assert_eq!(report.unsupported, 1);
    }
}
