//! The control listener of a running stack, as tests speak to it.

use reqwest::Method;
use serde_json::Value;

use super::Stack;

impl Stack {
    /// Asks the control listener: the status, and the body as JSON.
    pub async fn control(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.control_as(&self.run.admin_token, method, path, body).await
    }

    /// The same with another token.
    pub async fn control_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let url = format!("{}{path}", self.url("control"));
        let mut request = self.http.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Does what has to succeed; all services as they are then, and the lease where one was asked for.
    pub async fn operate(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.control(method, path, Some(body)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// The instances of a service.
    pub async fn instances(&self, service: &str) -> Vec<Value> {
        let (status, body) = self.control(Method::GET, "/services", None).await;
        assert_eq!(status, 200, "{body}");
        instances(&body, service)
    }
}

/// The instances of a service in what the listener answered.
pub fn instances(answer: &Value, service: &str) -> Vec<Value> {
    let services = answer["services"].as_array().expect("services").iter();
    let mut own = services.filter(|entry| entry["service"] == service);
    own.next().expect("the service")["instances"].as_array().expect("instances").clone()
}
