//! Tries out what a tenant needs in AWS, Rescue and ServiceNow, and says how to correct each fault (docs/doctor.md). One
//! implementation serves `rescue-connector doctor` and the status that a ServiceNow administrator sees.
//!
//! Checks change nothing, except that a missing access token or sign-in is obtained and shared
//! (docs/architecture.md#rule-5), and that a tenant's pause for re-authorisation ends when its credentials work again. They
//! run concurrently and share common answers.
//!
//! | module | holds |
//! |---|---|
//! | `report` | what a check answers, and the ids of all checks |
//! | `finding` | a check's result before it has an id |
//! | `reader` | whom a remedy is for: an operator, or an administrator in ServiceNow |
//! | `examination` | the tenant, the clients and the shared answers; the list of checks |
//! | `runner` | running checks concurrently until a moment |
//! | `failures` | what failures of tokens, tables and secrets mean |
//! | `requests`, `probe` | requests that show status, headers and shape of an answer |
//! | `settings` | settings, keys and secrets |
//! | `rescue` | Rescue's host, single sign-on, the API token |
//! | `missed_sessions` | sessions that Rescue never posted |
//! | `servicenow`, `servicenow_tables` | the instance, the service account, its rights on tables |
//! | `refresh_token` | how long the refresh token lives; whether the tenant is paused |
//! | `technicians` | technicians' addresses against ServiceNow's users |

pub mod examination;
mod failures;
pub mod finding;
mod missed_sessions;
pub mod probe;
pub mod reader;
mod refresh_token;
pub mod report;
mod requests;
mod rescue;
pub mod runner;
mod servicenow;
pub mod servicenow_tables;
mod settings;
mod technicians;
