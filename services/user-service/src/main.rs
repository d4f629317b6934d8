//! The user service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::launch::launch(
        user_service::NAME,
        user_service::VERSION,
        |env| user_service::Config::read(env).map(|config| (config.listen, config)),
        user_service::run,
    )
}
