//! What is said of a command line that makes no sense: the parser's words, with the nearest right one, and as JSON where that was
//! asked for. Which words there are is in the module above.

use clap::{CommandFactory as _, Parser as _};

use super::Cli;
use crate::failure::Failure;

impl Cli {
    /// Reads the command line; a mistake ends the process with exit code 2 and names the nearest right word.
    pub fn read() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            let error = mended(error);
            // Words that could not be read may still have asked for JSON; the help is no mistake.
            if error.use_stderr() && std::env::args_os().any(|word| word == "--json") {
                let text = error.to_string();
                let what = text.split("\n\nUsage:").next().unwrap_or_default();
                Failure::arguments(what.trim_start_matches("error: ")).print_json();
            }
            error.exit()
        })
    }
}

/// The parser suggests a command only when it is very near; the shortest ones never are. And where the command is missing, it
/// lists those too that are none of a person's business.
fn mended(mut error: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};
    if let Some(ContextValue::Strings(listed)) = error.get(ContextKind::ValidSubcommand) {
        let cli = Cli::command();
        let hidden = |word: &String| cli.find_subcommand(word).is_some_and(clap::Command::is_hide_set);
        let shown = listed.iter().filter(|word| !hidden(word)).cloned().collect();
        error.insert(ContextKind::ValidSubcommand, ContextValue::Strings(shown));
    }
    if let (Some(ContextValue::String(word)), None) =
        (error.get(ContextKind::InvalidSubcommand), error.get(ContextKind::SuggestedSubcommand))
    {
        let commands: Vec<String> = Cli::command()
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(|command| command.get_name().to_owned())
            .collect();
        if let Some(nearest) = loadgen::nearest::nearest(word, commands.iter().map(String::as_str)) {
            let nearest = ContextValue::Strings(vec![nearest.to_owned()]);
            error.insert(ContextKind::SuggestedSubcommand, nearest);
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_command_lists_those_for_people() {
        // An option, or one from the environment, and no command: without both, it is the help that is printed.
        let error = mended(Cli::try_parse_from(["firedrill", "--json"]).expect_err("no command")).to_string();
        let listed = error.split_once("[subcommands: ").and_then(|(_, rest)| rest.split_once(']'));
        let listed: Vec<&str> = listed.expect("a list").0.split(", ").collect();
        assert!(listed.contains(&"up") && listed.contains(&"doctor"), "{error}");
        for hidden in ["run", "keep", "probe"] {
            assert!(!listed.contains(&hidden), "{hidden} in {error}");
        }
    }
}
