//! Parses the command line, dispatches, and turns the outcome into an exit code. Nothing else happens here.

use firedrill::{cli::Cli, commands};

fn main() -> std::process::ExitCode {
    let started = std::time::Instant::now();
    let cli = Cli::read();
    let json = cli.global.json;
    match commands::dispatch(cli, started) {
        Ok(code) => code.into(),
        Err(failure) => {
            failure.tell(json);
            failure.code.into()
        }
    }
}
