//! The command line as clap sees it: global flags here, each command's own beside the command.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::command::{
    act, attest, audit, backup, completion, demo, dev, doctor, evidence, exception, explain, freeze, help,
    init, inspect, key, keyguard, ledger, pep740, policy, request, restore, root, serve, setup, sign, trust,
    verify, vouch, webhook,
};

/// Code signing for CI/CD that checks before it signs, and proves it afterwards.
#[derive(Debug, Parser)]
#[command(
    name = "chancery",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Exit codes: chancery help exit-codes. Error codes: chancery help CH4012."
)]
pub(crate) struct Cli {
    /// Flags that every command has.
    #[command(flatten)]
    pub(crate) globals: Globals,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR or TERM=dumb; CLICOLOR_FORCE forces it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Flags that every command has.
#[derive(Debug, Clone, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Address of the service, `https://sign.example`.
    #[arg(long, global = true, env = "CHANCERY_SERVER", hide_env_values = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// PEM file with the certificates that the service's TLS certificate must lead to.
    #[arg(long, global = true, env = "CHANCERY_CA", hide_env_values = true, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Write the result as JSON, failures too.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No messages but errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say what is exchanged with the service.
    #[arg(long, global = true)]
    pub(crate) debug: bool,
    /// Show each exchange with the service as a curl command on stderr; tokens as variables, never their values.
    #[arg(long, global = true)]
    pub(crate) print_curl: bool,
    /// When to use colour.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub(crate) color: ColorChoice,
    /// Seconds until an exchange with the service is given up.
    #[arg(long, global = true, default_value_t = 60, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole story on an embedded service: no configuration, no network, seconds.
    Demo(demo::Args),
    /// Run the service.
    Serve(serve::Args),
    /// Run the keyguard on a host of its own.
    Keyguard(keyguard::Args),
    /// Make configuration and governance documents for a new installation.
    Init(init::Args),
    /// Back the service's data up, or verify a backup.
    Backup(backup::Args),
    /// Restore a backup to an empty directory.
    Restore(restore::Args),
    /// Sign files.
    Sign(sign::Args),
    /// Sign what you say about files: SBOMs, test results, scans.
    Attest(attest::Args),
    /// Let the service say that a file passed verification: VSA or SVR, by a verifier of its own.
    Vouch(vouch::Args),
    /// Verify signatures against an expected signer.
    Verify(verify::Args),
    /// Show everything about the signatures of a file, without judging.
    Inspect(inspect::Args),
    /// Show who the service takes this job for, and which profiles name it.
    Whoami,
    /// Look for what is wrong with the set-up.
    Doctor(doctor::Args),
    /// Search the ledger, prove an entry, show the latest checkpoint, copy everything.
    #[command(subcommand)]
    Ledger(ledger::Verb),
    /// Check everything that was ever signed again, without trusting the service.
    Audit(audit::Args),
    /// Tell what was signed, by what, under which policy, who approved, and how it would be revoked.
    Explain(explain::Args),
    /// Copy what an audit needs beside the ledger.
    #[command(subcommand)]
    Evidence(evidence::Verb),
    /// List, show, wait for, approve or reject requests.
    #[command(subcommand)]
    Request(request::Verb),
    /// Make, list, show, disable or certify keys.
    #[command(subcommand)]
    Key(key::Verb),
    /// Check, test, show, compare, sign or apply governance documents.
    #[command(subcommand)]
    Policy(policy::Verb),
    /// Stop signing at once, list what is stopped, let go on.
    #[command(subcommand)]
    Freeze(freeze::Verb),
    /// Open, list or review permissions to deviate.
    #[command(subcommand)]
    Exception(exception::Verb),
    /// Show, sign or send an act that others wrote.
    #[command(subcommand)]
    Act(act::Verb),
    /// Tell verifiers whom to believe, let authorities take over; fetch and keep what others say by TUF.
    #[command(subcommand)]
    Trust(trust::Verb),
    /// Begin, show or change the root document: the people whose signatures bring governance into force.
    #[command(subcommand)]
    Root(root::Verb),
    /// Show, try and repair what tells others about the ledger.
    #[command(subcommand)]
    Webhook(webhook::Verb),
    /// Write attestation objects of Python packages (PEP 740) from the bundles of distributions.
    #[command(
        after_help = "Example:\n  chancery sign dist/*.whl --profile acme-release && chancery pep740 dist/*.whl"
    )]
    Pep740(pep740::Args),
    /// Make cosign or notation use this service: install their plugins.
    Setup(setup::Args),
    /// For development services only.
    #[command(subcommand)]
    Dev(dev::Verb),
    /// Write a completion script for a shell.
    Completion(completion::Args),
    /// Write the manual pages.
    Man(crate::command::man::Args),
    /// Show the environment variables that are read, with their values.
    Env,
    /// Explain exit codes, an error code, or a command.
    Help(help::Args),
    /// Show the version.
    Version,
    /// Faces the network.
    #[command(hide = true, disable_help_flag = true)]
    Gateway(Role),
    /// Holds one PKCS#11 module.
    #[command(hide = true, disable_help_flag = true)]
    Pkcs11Worker(Role),
}

/// Whether a command changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It does.
    Real,
    /// It only says what it would do.
    Rehearsal,
}

impl Mode {
    /// As `--dry-run` says.
    pub(crate) const fn of(dry_run: &bool) -> Self {
        if *dry_run { Self::Rehearsal } else { Self::Real }
    }
}

/// A hidden role takes its arguments as they are.
#[derive(Debug, clap::Args)]
pub(crate) struct Role {
    /// Passed on.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}
