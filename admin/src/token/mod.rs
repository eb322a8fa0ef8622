//! The refresh token of a tenant: its state, and renewing it now.

mod rotate;
mod rotation;
mod status;

pub use self::rotate::{ROTATION_WAIT, Rotated, rotate};
pub use self::rotation::Rotation;
pub use self::status::{ShownPause, TokenStatus, status};
