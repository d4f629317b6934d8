//! Where telemetry of the stack's own processes goes, unless the person who starts them says otherwise. Pure.

use std::collections::BTreeMap;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

/// The variables that send telemetry to the stack's backend; `given` looks up what is set already, which stays.
///
/// A stack may listen for OTLP over HTTP alone: then that is spoken, whatever protocol is wished for without an
/// endpoint.
///
/// Exported every 200 ms: a person who opens the link of an order just placed wants to see its trace.
pub fn variables(
    otlp_http: &str,
    otlp_grpc: Option<&str>,
    given: impl Fn(&str) -> Option<String>,
) -> BTreeMap<&'static str, String> {
    let mut variables = BTreeMap::new();
    if given(ENDPOINT).is_none() {
        // A protocol without an endpoint asks for the other listener of this backend.
        let grpc = given(PROTOCOL).is_some_and(|protocol| protocol == "grpc");
        variables.insert(ENDPOINT, otlp_grpc.filter(|_| grpc).unwrap_or(otlp_http).to_owned());
        if grpc && otlp_grpc.is_none() {
            variables.insert(PROTOCOL, "http/protobuf".to_owned());
        }
    }
    for delay in ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY"] {
        if given(delay).is_none() {
            variables.insert(delay, "200".to_owned());
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTTP: &str = "http://127.0.0.1:4318";
    const GRPC: &str = "http://127.0.0.1:4317";

    fn with(given: &[(&str, &str)]) -> BTreeMap<&'static str, String> {
        variables(HTTP, Some(GRPC), look_up(given))
    }

    fn look_up(given: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| given.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_backend_of_the_stack_is_the_default() {
        assert_eq!(with(&[])[ENDPOINT], HTTP);
        assert_eq!(with(&[(PROTOCOL, "grpc")])[ENDPOINT], GRPC);
        assert_eq!(with(&[(PROTOCOL, "http/protobuf")])[ENDPOINT], HTTP);
    }

    #[test]
    fn a_stack_without_grpc_is_spoken_to_over_http() {
        let variables = variables(HTTP, None, look_up(&[(PROTOCOL, "grpc")]));
        assert_eq!((variables[ENDPOINT].as_str(), variables[PROTOCOL].as_str()), (HTTP, "http/protobuf"));
    }

    #[test]
    fn what_a_person_gave_is_left_alone() {
        let variables = with(&[(ENDPOINT, "http://collector:4318"), ("OTEL_BSP_SCHEDULE_DELAY", "5000")]);
        assert_eq!(variables.into_keys().collect::<Vec<_>>(), ["OTEL_BLRP_SCHEDULE_DELAY"]);
    }
}
