//! What the functions do when all is well, one file per function.

mod command_line;
mod deliver_session;
mod demo;
mod folder;
