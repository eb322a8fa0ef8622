//! Refusals that more than one part gives.

use shared::domain::error::{ErrorCode, FieldError, Problem};

/// What is wrong with each setting or secret.
pub(crate) fn invalid(errors: Vec<FieldError>) -> Problem {
    let named: Vec<_> = errors
        .iter()
        .map(|error| format!("{} {}", error.pointer, error.detail))
        .collect();
    let mut problem = Problem::new(ErrorCode::InvalidSettings, named.join("; "));
    problem.errors = errors;
    problem
}
