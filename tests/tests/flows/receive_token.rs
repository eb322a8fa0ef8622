//! `receive-token`: hand-overs.
