//! The order service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::launch::launch(
        order_service::NAME,
        order_service::VERSION,
        |env| order_service::Config::read(env).map(|config| (config.listen, config)),
        order_service::run,
    )
}
