//! The error bodies of the REST APIs (docs/vendors.md#refusals).

use serde_json::json;

use crate::simulator::SimulatorResponse;

fn failure(status: u16, message: &str, detail: Option<&str>) -> SimulatorResponse {
    SimulatorResponse::json(
        status,
        &json!({"error": {"message": message, "detail": detail}, "status": "failure"}),
    )
}

pub(super) fn bad_request(message: &str, detail: &str) -> SimulatorResponse {
    failure(400, message, Some(detail))
}

pub(super) fn missing_header(name: &str) -> SimulatorResponse {
    bad_request("Missing header", &format!("{name} is mandatory"))
}

pub(super) fn not_json() -> SimulatorResponse {
    bad_request(
        "Exception while reading request",
        "The payload is not valid JSON.",
    )
}

pub(super) fn invalid_table(table: &str) -> SimulatorResponse {
    failure(400, &format!("Invalid table {table}"), None)
}

pub(super) fn unauthenticated() -> SimulatorResponse {
    failure(
        401,
        "User Not Authenticated",
        Some("Required to provide Auth information"),
    )
    .with_header("www-authenticate", "BASIC realm=\"Service-now\"")
}

pub(super) fn query_denied(table: &str) -> SimulatorResponse {
    let detail = format!(
        "Field(s) present in the query do not have permission to be read, or no read access to {table}"
    );
    failure(403, "Insufficient rights to query records", Some(&detail))
}

pub(super) fn acl(operation: &str) -> SimulatorResponse {
    let detail = format!("ACL Exception {operation} Failed due to security constraints");
    failure(403, "Operation Failed", Some(&detail))
}

pub(super) fn aborted(table: &str, rule: &str, rule_id: &str) -> SimulatorResponse {
    let detail = format!(
        "Operation against file '{table}' was aborted by Business Rule '{rule}^{rule_id}'. Business Rule Stack:{rule}"
    );
    failure(403, "Operation Failed", Some(&detail))
}

/// The answer does not say that the record exists (docs/vendors.md#unique-columns).
pub(super) fn not_unique(operation: &str, table: &str, record: &str) -> SimulatorResponse {
    let detail = format!("Error during {operation} of {table} ({record})");
    failure(403, "Operation Failed", Some(&detail))
}

pub(super) fn no_record() -> SimulatorResponse {
    failure(
        404,
        "No Record found",
        Some("Record doesn't exist or ACL restricts the record retrieval"),
    )
}

pub(super) fn no_resource(path: &str) -> SimulatorResponse {
    failure(
        400,
        "Requested URI does not represent any resource",
        Some(path),
    )
}

pub(super) fn method(method: &str) -> SimulatorResponse {
    failure(405, "Method not supported", Some(method))
}

pub(super) fn not_acceptable(accept: &str) -> SimulatorResponse {
    failure(406, "Not Acceptable", Some(accept))
}

pub(super) fn media_type(content_type: &str) -> SimulatorResponse {
    failure(415, "Unsupported Media Type", Some(content_type))
}

/// 429 of an hourly rule, with its headers.
pub(super) fn hourly_limit(retry_after: u64, resets_at: i64) -> SimulatorResponse {
    failure(
        429,
        "Rate limit exceeded",
        Some("Rate limit of 1000 requests per hour for Table API exceeded"),
    )
    .with_header("x-ratelimit-limit", "1000")
    .with_header("x-ratelimit-reset", resets_at.to_string())
    .with_header("x-ratelimit-rule", "5f9b6c2e1b3a4d7d8c0e9f1a2b3c4d5e")
    .with_header("retry-after", retry_after.to_string())
}

/// 429 of a full semaphore queue, which has no headers to tell when to come back.
pub(super) fn queue_full() -> SimulatorResponse {
    SimulatorResponse::new(429, "text/plain", "Too many requests")
}

pub(super) fn cancelled() -> SimulatorResponse {
    failure(
        500,
        "Transaction cancelled: maximum execution time exceeded",
        Some("Transaction cancelled: maximum execution time exceeded. Check logs for error trace"),
    )
}
