//! The embedded cloud, the Rescue and ServiceNow simulators, and the demo of Rescue Connector.

mod app;
pub mod aws;
pub mod cli;
pub mod cloud;
pub mod demo;
pub mod demo_tenant;
mod events;
mod folder;
pub mod lambda;
mod lock;
mod markup;
pub mod multicall;
mod recent;
pub mod rescue;
mod sandbox;
mod sandbox_link;
mod schedules;
pub mod servicenow;
pub mod simulator;
mod state_file;
pub mod template;
mod terminal;
pub mod up;
