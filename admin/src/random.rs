//! Random bytes for keys.

use crate::error::AdminError;

/// 32 bytes from the system's generator.
pub(crate) fn random() -> Result<[u8; 32], AdminError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
