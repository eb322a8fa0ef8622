//! The embedded cloud, the Rescue and ServiceNow simulators, and the demo of Rescue Connector.

pub mod aws;
pub mod lambda;
pub mod rescue;
pub mod servicenow;
pub mod simulator;
pub mod template;
