//! What the functions do when all is well, one file per function.

mod closed_records;
mod command_line;
mod dead_letters;
mod deliver_session;
mod demo;
mod folder;
mod generate_pin;
mod keys;
mod new_records;
mod publishing;
mod resolution;
mod session_details;
mod sessions;
mod tenant_life;
mod tenants;
mod token;
