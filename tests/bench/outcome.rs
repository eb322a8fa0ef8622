//! What any part of the benchmark may end with.

/// Something, or why the benchmark ends here.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
