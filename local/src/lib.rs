//! The embedded cloud, the Rescue and ServiceNow simulators, and the demo of Rescue Connector.

pub mod aws;
pub mod cloud;
pub mod demo;
pub mod demo_tenant;
pub mod lambda;
pub mod multicall;
pub mod rescue;
pub mod servicenow;
pub mod simulator;
pub mod template;
pub mod up;
