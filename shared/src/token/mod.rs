//! The life of a tenant's refresh token (docs/decisions/0012-token-life.md).
//!
//! | State | Where it is | The next step, and which module takes it |
//! |---|---|---|
//! | current | label `AWSCURRENT` | a lease holder uses it for a grant ([`grants`]) |
//! | staged | label `CONNECTOR`, `derived_from` names the current version | the next lease holder promotes it ([`store`]) |
//! | staged in the table | item `{tenant}#token-kept`, the same | the next lease holder stages it in Secrets Manager and promotes it |
//! | unproved hand-over | either of these, without `derived_from`, with `stands_for` | a repeated hand-over uses and proves it, then stores it |
//! | pending | label `AWSPENDING` | `testSecret` proves it, `finishSecret` promotes it ([`rotation`]) |
//! | superseded | any other version | none |
//!
//! `AWSCURRENT` moves only from the version that the lease holder has read. Every caller that uses or writes a refresh
//! token holds the lease `{tenant}#lease#token`:
//!
//! | Caller | Moves |
//! |---|---|
//! | a delivery, a PIN or a status that needs an access token ([`access`]) | promotes what is staged; stages and promotes a token that a refresh grant answered with |
//! | `receive-token` | promotes what is staged; stages a replacement of what was handed over; stages and promotes a proved token |
//! | `rotate-tokens` | the same as a delivery in `createSecret`, then fills `AWSPENDING`; `finishSecret` promotes that and removes the label |
//! | `token rotate` | promotes what is staged, then stages and promotes the token with `renew_now` |
//! | `secrets set … refresh-token` | stages and promotes another token |

pub mod access;
mod error;
pub mod grants;
pub mod oauth;
mod reauthorization;
pub mod rotation;
pub mod status;
pub mod store;
pub mod uninterrupted;
