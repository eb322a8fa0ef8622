//! The protocols: which service and operation a request names, and how each service answers.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::cloudformation;
use super::journal::Service;
use super::refusal::AwsRefusal;

/// A request of one of the services.
pub(super) struct Request {
    pub(super) service: Service,
    pub(super) operation: String,
    pub(super) json: Value,
}

impl Request {
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let Some(target) = headers.get("x-amz-target").and_then(|t| t.to_str().ok()) else {
            let form = form(body);
            let operation = form.get("Action")?.clone();
            let service = if operation == "GetCallerIdentity" {
                Service::Sts
            } else {
                Service::CloudFormation
            };
            return Some(Self {
                service,
                operation,
                json: json!(form),
            });
        };
        let (service, operation) = target.split_once('.')?;
        let service = match service {
            "AmazonSQS" => Service::Sqs,
            "secretsmanager" => Service::SecretsManager,
            _ if service.starts_with("DynamoDB") => Service::DynamoDb,
            _ => return None,
        };
        Some(Self {
            service,
            operation: operation.to_owned(),
            json: serde_json::from_slice(body).unwrap_or_default(),
        })
    }

    pub(super) fn respond(&self, status: StatusCode, body: &Value) -> Response {
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let kind = match self.service {
            Service::SecretsManager => "application/x-amz-json-1.1",
            _ => "application/x-amz-json-1.0",
        };
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }

    pub(super) fn refuse(&self, refusal: &AwsRefusal) -> Response {
        let namespace = match self.service {
            Service::CloudFormation | Service::Sts => {
                return cloudformation::refuse_with(
                    refusal.status,
                    &refusal.kind,
                    &refusal.message,
                );
            }
            Service::DynamoDb => "com.amazonaws.dynamodb.v20120810#",
            Service::Sqs => "com.amazonaws.sqs#",
            Service::SecretsManager => "",
        };
        let body =
            json!({"__type": format!("{namespace}{}", refusal.kind), "message": refusal.message});
        let mut response = self.respond(refusal.status, &body);
        if self.service == Service::Sqs {
            let fault = if refusal.status.is_server_error() {
                "Receiver"
            } else {
                "Sender"
            };
            let code = refusal.query_code.as_deref().unwrap_or(&refusal.kind);
            if let Ok(value) = HeaderValue::try_from(format!("{code};{fault}")) {
                let name = HeaderName::from_static("x-amzn-query-error");
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// The access key id of a signed request: `AWS4-HMAC-SHA256 Credential={access key id}/{date}/…`.
pub(super) fn caller(headers: &HeaderMap) -> String {
    let signature = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let scope = signature.and_then(|text| text.split_once("Credential="));
    let id = scope.and_then(|(_, scope)| scope.split('/').next());
    id.unwrap_or_default().to_owned()
}

pub(super) fn form(body: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}
