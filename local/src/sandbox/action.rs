//! The answers to the page's buttons.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::multicall::MulticallError;

/// What a button did.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    /// A sentence for the reader.
    message: String,
    /// What the page selects from now on, by the keys of [`Selection`](super::panel::Selection).
    select: BTreeMap<&'static str, String>,
}

impl Done {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            select: BTreeMap::new(),
        }
    }

    pub(super) fn selecting(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.select.insert(key, value.into());
        self
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// Why a button did nothing.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    message: String,
}

impl Refused {
    /// The reader's input cannot be used.
    pub(super) fn input(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            message: message.into(),
        }
    }

    /// The page shows something newer than what the reader has changed.
    pub(super) fn outdated(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::PRECONDITION_FAILED,
            message: message.into(),
        }
    }
}

impl<E: Into<MulticallError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            message: error.into().to_string(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let done = Done::new(self.message);
        (self.status, Json(done)).into_response()
    }
}

/// The fields of a form; what cannot be read is refused like any other input.
#[derive(Debug)]
pub(super) struct Fields<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Fields<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        match Form::from_request(request, state).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(rejection) => Err(Refused {
                status: rejection.status(),
                message: match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => {
                        "That is too much text for this page.".to_owned()
                    }
                    _ => rejection.body_text(),
                },
            }),
        }
    }
}

pub(super) type Outcome = Result<Done, Refused>;
