//! JSON log lines, and CloudWatch metrics in the embedded metric format.

use std::io::Write as _;
use std::sync::OnceLock;

use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::domain::error::ErrorCode;
use crate::domain::session::SessionId;
use crate::domain::tenant::{TenantFile, TenantId};

/// The counters. The tenant is no dimension but a property of the log line that carries the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names say what they count; the documentation lists them"
)]
pub enum Metric {
    PostAccepted,
    PostIgnored,
    PostRefused,
    BodyTooLarge,
    TooManyPosts,
    Delivered,
    NoteNotVerified,
    /// Posts that were delivered without the session's row.
    SessionRowRefused,
    Unmatched,
    Postponed,
    SessionPanicked,
    DeadLettered,
    TrackingNotBelieved,
    TenantPaused,
    ReauthorizationNeeded,
    PinGenerated,
    PinReplayed,
    PinRefused,
    NotificationFailed,
    RotationSucceeded,
    RotationFailed,
    TenantChanged,
    /// Sessions that Rescue did not post.
    MissedSessions,
    ReconcileFailed,
}

impl Metric {
    const fn name(self) -> &'static str {
        match self {
            Self::PostAccepted => "PostAccepted",
            Self::PostIgnored => "PostIgnored",
            Self::PostRefused => "PostRefused",
            Self::BodyTooLarge => "BodyTooLarge",
            Self::TooManyPosts => "TooManyPosts",
            Self::Delivered => "Delivered",
            Self::NoteNotVerified => "NoteNotVerified",
            Self::SessionRowRefused => "SessionRowRefused",
            Self::Unmatched => "Unmatched",
            Self::Postponed => "Postponed",
            Self::SessionPanicked => "SessionPanicked",
            Self::DeadLettered => "DeadLettered",
            Self::TrackingNotBelieved => "TrackingNotBelieved",
            Self::TenantPaused => "TenantPaused",
            Self::ReauthorizationNeeded => "ReauthorizationNeeded",
            Self::PinGenerated => "PinGenerated",
            Self::PinReplayed => "PinReplayed",
            Self::PinRefused => "PinRefused",
            Self::NotificationFailed => "NotificationFailed",
            Self::RotationSucceeded => "RotationSucceeded",
            Self::RotationFailed => "RotationFailed",
            Self::TenantChanged => "TenantChanged",
            Self::MissedSessions => "MissedSessions",
            Self::ReconcileFailed => "ReconcileFailed",
        }
    }
}

static METRICS: OnceLock<&'static Collector> = OnceLock::new();

/// Starts logging to standard output.
///
/// `AWS_LAMBDA_LOG_LEVEL` (or `RUST_LOG`) sets the level of the connector's own lines, `INFO` by default. Libraries log at
/// `INFO` at most: at `TRACE` the Lambda runtime logs whole events, with keys and chats.
pub fn init() {
    let level = ["AWS_LAMBDA_LOG_LEVEL", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok()?.trim().parse::<LevelFilter>().ok())
        .unwrap_or(LevelFilter::INFO);
    let mut targets = Targets::new().with_default(level.min(LevelFilter::INFO));
    for own in OWN_TARGETS {
        targets = targets.with_target(*own, level);
    }
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_writer(std::io::stdout);
    tracing_subscriber::registry()
        .with(targets)
        .with(lines)
        .try_init()
        .ok();
}

/// Starts metrics in a CloudWatch namespace (`METRICS_NAMESPACE`), as lines of the same log. Only the first call in a
/// process has an effect; before it, nothing is counted.
pub fn start_metrics(namespace: String) {
    if let Ok(collector) = Builder::new().cloudwatch_namespace(namespace).init() {
        METRICS.set(collector).ok();
    }
}

const OWN_TARGETS: &[&str] = &[
    "shared",
    "session_details",
    "deliver_session",
    "tenant_settings",
    "generate_pin",
    "receive_token",
    "rotate_tokens",
    "reconcile_sessions",
];

/// Increments a counter, with the tenant on the same line.
pub fn count(metric: Metric, tenant: Option<&TenantId>) {
    emit(tenant, || metrics::counter!(metric.name()).increment(1));
}

/// Increments a counter that has the reason as its dimension.
pub fn count_reason(metric: Metric, reason: ErrorCode, tenant: Option<&TenantId>) {
    emit(tenant, || {
        metrics::counter!(metric.name(), "Reason" => reason.as_str()).increment(1)
    });
}

/// Records the time from acceptance of a post to its note, in milliseconds.
pub fn delivery_latency(latency: std::time::Duration, tenant: &TenantId) {
    emit(Some(tenant), || {
        metrics::histogram!("DeliveryLatency").record(latency.as_secs_f64() * 1000.0)
    });
}

/// Records how long a post in the queue has waited, in seconds. The metric of SQS leaves out messages that were received
/// several times.
pub fn waiting_time(waited: std::time::Duration) {
    emit(None, || {
        metrics::histogram!("WaitingTime").record(waited.as_secs_f64())
    });
}

/// Records how long a tenant's refresh token is still valid, in days. The minimum is that of the most urgent tenant.
pub fn refresh_token_days_left(left: std::time::Duration, tenant: &TenantId) {
    const A_DAY: f64 = 24.0 * 3600.0;
    let days = left.as_secs_f64() / A_DAY;
    emit(Some(tenant), || {
        metrics::histogram!("RefreshTokenDaysLeft").record(days)
    });
}

/// Records a metric and writes its line at once, so that the line names the right tenant.
fn emit(tenant: Option<&TenantId>, record: impl FnOnce()) {
    let Some(collector) = METRICS.get() else {
        return;
    };
    record();
    let collector = match tenant {
        Some(tenant) => collector.set_property("tenant", tenant.to_string()),
        None => collector.remove_property("tenant"),
    };
    let mut line = Vec::new();
    if collector.flush(&mut line).is_ok() {
        std::io::stdout().lock().write_all(&line).ok();
    }
}

/// Logs a step of a delivery: at `INFO` for a tenant with `debug.logging`, else at `DEBUG`.
pub fn step(tenant: &TenantFile, session: &SessionId, step: &str, subject: &str) {
    let id = tenant.tenant.as_str();
    if tenant.debug.logging {
        tracing::info!(tenant = id, %session, subject, "{step}");
    } else {
        tracing::debug!(tenant = id, %session, subject, "{step}");
    }
}

/// Logs an error at the level of its line in the table.
pub fn log_failure(code: ErrorCode, tenant: &str, session: &str, detail: &str) {
    let (code, title) = (code.entry(), code.entry().title);
    match code.level {
        Level::ERROR => tracing::error!(code = code.code, tenant, session, detail, "{title}"),
        Level::WARN => tracing::warn!(code = code.code, tenant, session, detail, "{title}"),
        _ => tracing::info!(code = code.code, tenant, session, detail, "{title}"),
    }
}
