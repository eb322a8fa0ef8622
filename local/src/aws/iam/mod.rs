//! What a template's roles and resources allow, decided as IAM decides it: an explicit deny wins, and without a statement
//! that allows there is no access
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).
//!
//! A policy becomes [`Grant`]s of one action, one resource and one value for each condition, so that a test can name a
//! grant that no call needs. An element that this module does not know is an error.

mod permissions;
mod policy;

pub use self::permissions::{Permissions, trigger_of};
pub use self::policy::{Condition, Grant, NotUnderstood, Request, allow, grants};
