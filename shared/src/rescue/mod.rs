//! LogMeIn Rescue: what it posts to us.

pub mod post_to_url;
