//! STS: `GetCallerIdentity`, from which the command line learns who changes something.

use axum::response::Response;
use http::StatusCode;

use super::cloudformation::xml;
use crate::markup::escaped;
use crate::template::ACCOUNT;

/// Answers who signed a call.
pub(super) fn caller_identity(caller: &str) -> Response {
    let caller = escaped(caller);
    xml(
        StatusCode::OK,
        format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/{caller}</Arn><UserId>{caller}</UserId>\
             <Account>{ACCOUNT}</Account></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>\
             </GetCallerIdentityResponse>"
        ),
    )
}
