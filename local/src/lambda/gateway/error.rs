//! Why an HTTP API does not start.

/// The gateway could not be started.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A route key that is not `METHOD /path`, `ANY /path` or `$default`.
    #[error("{0:?} is no route: METHOD /path with {{variables}}, ANY /path or $default")]
    Route(String),
    /// The port cannot be listened on.
    #[error("cannot listen on port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
}
