//! The functions and the command line without injected faults, one file per subject.

mod calls;
mod closed_records;
mod command_line;
mod dead_letters;
mod deliver_session;
mod demo;
mod doctor;
mod earlier_release;
mod folder;
mod generate_pin;
mod keys;
mod new_records;
mod operator_permissions;
mod publishing;
mod receive_token;
mod record_types;
mod resolution;
mod rotate_tokens;
mod session_details;
mod session_rows;
mod sessions;
mod status_checks;
mod tenant_life;
mod tenant_settings;
mod tenants;
mod token;
