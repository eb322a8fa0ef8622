//! CloudFormation: `DescribeStacks`, from which the command line reads a stack's outputs.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use shared::domain::clock::Timestamp;

use crate::markup::escaped;
use crate::template::{ACCOUNT, REGION};

/// Outputs by name, by stack.
pub(super) type Stacks = BTreeMap<String, BTreeMap<String, String>>;

/// Answers a call of the query protocol (form in, XML out).
pub(super) fn answer(stacks: &Stacks, form: &BTreeMap<String, String>, now: Timestamp) -> Response {
    let action = form.get("Action").map_or("", String::as_str);
    if action != "DescribeStacks" {
        return refuse(
            "InvalidAction",
            &format!("Could not find operation {action}"),
        );
    }
    let wanted = form.get("StackName");
    let found: Vec<_> = stacks
        .iter()
        .filter(|(name, _)| {
            wanted.is_none_or(|wanted| wanted == *name || *wanted == stack_id(name))
        })
        .collect();
    if let (Some(wanted), true) = (wanted, found.is_empty()) {
        return refuse(
            "ValidationError",
            &format!("Stack with id {wanted} does not exist"),
        );
    }
    let members: String = found
        .into_iter()
        .map(|(name, outputs)| member(name, outputs, now))
        .collect();
    xml(
        StatusCode::OK,
        format!(
            "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
             <DescribeStacksResult><Stacks>{members}</Stacks></DescribeStacksResult>\
             <ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>\
             </DescribeStacksResponse>"
        ),
    )
}

/// An error in the shape of the query protocol.
pub(super) fn refuse(code: &str, message: &str) -> Response {
    refuse_with(StatusCode::BAD_REQUEST, code, message)
}

/// The same with another status.
pub(super) fn refuse_with(status: StatusCode, code: &str, message: &str) -> Response {
    xml(
        status,
        format!(
            "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error>\
             <Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>\
             <RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>",
            escaped(code),
            escaped(message)
        ),
    )
}

fn member(name: &str, outputs: &BTreeMap<String, String>, now: Timestamp) -> String {
    let outputs: String = outputs
        .iter()
        .map(|(key, value)| {
            format!(
                "<member><OutputKey>{}</OutputKey><OutputValue>{}</OutputValue></member>",
                escaped(key),
                escaped(value)
            )
        })
        .collect();
    format!(
        "<member><StackName>{}</StackName><StackId>{}</StackId><CreationTime>{now}</CreationTime>\
         <StackStatus>CREATE_COMPLETE</StackStatus><DisableRollback>false</DisableRollback>\
         <Outputs>{outputs}</Outputs></member>",
        escaped(name),
        escaped(&stack_id(name))
    )
}

fn stack_id(name: &str) -> String {
    format!(
        "arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/00000000-0000-0000-0000-000000000000"
    )
}

/// An answer of the query protocol.
pub(super) fn xml(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}
