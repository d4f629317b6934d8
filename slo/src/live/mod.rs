//! What is done to a running stack, which pages that must make, and whether it did.
//!
//! [`read`] reads the cases and [`score`] judges what was seen. Who does it to the stack, and who sees, is elsewhere.

mod read;
mod score;

pub use read::read;
pub use score::{Scored, Seen, score};

/// One thing that is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The file that it stands in.
    pub file: String,
    /// The line where it stands.
    pub line: usize,
    /// What happens, in a sentence.
    pub name: String,
    /// What is done.
    pub fault: Fault,
    /// For how long, in seconds of speed 1.
    pub seconds: u32,
    /// How soon the pages must fire, in seconds of speed 1.
    pub within: u32,
    /// The alerts that must page.
    pub pages: Vec<String>,
    /// Alerts that may fire, too: names, or beginnings of names before a `*`.
    pub may: Vec<String>,
}

impl Case {
    /// Whether the case has room for an alert of this name.
    pub fn allows(&self, alert: &str) -> bool {
        self.pages.iter().any(|page| page == alert) || self.may.iter().any(|may| fits(may, alert))
    }
}

/// Whether a name is meant: the same, or with the same beginning before a `*`.
fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// What is done to a stack.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Nothing: a look at how quiet it is.
    Nothing,
    /// A process is stopped, and goes on afterwards.
    Stop(String),
    /// A process is killed whenever it is there.
    Kill(String),
    /// What passes a link arrives so many milliseconds later, each way.
    Slow(String, u32),
    /// That share of what is sent over a link ends its connection instead.
    Reset(String, f64),
}

impl Fault {
    /// For a person.
    pub fn told(&self) -> String {
        match self {
            Self::Nothing => "nothing is done".into(),
            Self::Stop(process) => format!("{process} is stopped"),
            Self::Kill(process) => format!("{process} is killed whenever it is there"),
            Self::Slow(link, ms) => format!("{link} takes {ms} ms longer, each way"),
            Self::Reset(link, share) => format!("{link} resets {}% of what is sent", share * 100.0),
        }
    }
}
