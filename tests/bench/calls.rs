//! How many calls one request to each function costs.

use std::path::Path;

use ::tests::calls::Calls;

/// Counts the calls of the functions in this folder; the test that guards them counts in the same way.
pub(crate) async fn count(programs: &Path) -> Vec<Calls> {
    ::tests::calls::count(crate::growth::options(programs)).await
}
