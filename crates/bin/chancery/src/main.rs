//! The one binary: parse, wire, run, exit code.

mod archive;
mod backup;
mod client_env;
mod config;
mod counted;
mod dev;
mod documents;
mod door;
mod export;
#[cfg(feature = "faults")]
mod faults;
mod gateway_role;
mod greeting;
mod host;
mod init;
mod issuer_roots;
mod keyguard_config;
mod keyguard_role;
mod listen;
mod ports;
mod pulse;
mod registry;
mod remote;
mod sockets;
mod supervisor;
mod unanswered;
mod way;
mod webhook;
mod wiring;

fn main() -> std::process::ExitCode {
    chancery_cli::run(std::env::args_os(), &wiring::host())
}
