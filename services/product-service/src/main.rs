//! The product service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::launch::launch(
        product_service::NAME,
        product_service::VERSION,
        |env| product_service::Config::read(env).map(|config| (config.listen, config)),
        product_service::run,
    )
}
