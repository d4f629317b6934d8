//! Which traces are recorded: `OTEL_TRACES_SAMPLER` and its argument.

use opentelemetry_sdk::trace::Sampler as SdkSampler;

use super::env::{ConfigError, Env, invalid};

const VARIABLE: &str = "OTEL_TRACES_SAMPLER";
const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

/// The choice of traces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampler {
    /// Share of the root spans that are recorded, 0 to 1.
    pub ratio: f64,
    /// Whether a caller's decision wins over the ratio.
    pub parent_based: bool,
}

impl Default for Sampler {
    fn default() -> Self {
        Sampler { ratio: 1.0, parent_based: true }
    }
}

impl Sampler {
    pub(super) fn read(env: &Env<'_>) -> Result<Sampler, ConfigError> {
        let Some(name) = env.text(VARIABLE) else { return Ok(Sampler::default()) };
        let (base, parent_based) = match name.strip_prefix("parentbased_") {
            Some(base) => (base, true),
            None => (name.as_str(), false),
        };
        let ratio = match base {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio(env)?,
            _ => {
                let problem = "taken as parentbased_always_on: use always_on, always_off or traceidratio, each with or without parentbased_";
                env.ignore(VARIABLE, &name, problem);
                return Ok(Sampler::default());
            }
        };
        Ok(Sampler { ratio, parent_based })
    }

    /// What decides of a span without a parent, or whose parent does not count.
    pub(crate) fn root(self) -> SdkSampler {
        if self.ratio >= 1.0 {
            SdkSampler::AlwaysOn
        } else if self.ratio <= 0.0 {
            SdkSampler::AlwaysOff
        } else {
            SdkSampler::TraceIdRatioBased(self.ratio)
        }
    }
}

fn ratio(env: &Env<'_>) -> Result<f64, ConfigError> {
    let ratio = env.number(ARGUMENT, 1.0, "use a number from 0 to 1")?;
    if (0.0..=1.0).contains(&ratio) {
        Ok(ratio)
    } else {
        Err(invalid(ARGUMENT, &ratio.to_string(), "use a number from 0 to 1"))
    }
}
