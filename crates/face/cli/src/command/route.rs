//! Which command is meant, and how its answer becomes an exit code.

use crate::arguments::{Command, Globals, Role};
use crate::client::Server;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::{HiddenRole, Host};
use crate::terminal::Terminal;

use super::{
    act, attest, audit, backup, completion, demo, dev, doctor, env, evidence, exception, explain, freeze,
    help, init, inspect, key, keyguard, ledger, man, pep740, policy, request, restore, root, serve, setup,
    sign, trust, verify, version, vouch, webhook, whoami,
};

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Context<'a, 't> {
    /// Flags that every command has.
    pub(crate) globals: &'a Globals,
    /// Everything outside.
    pub(crate) host: &'a dyn Host,
    /// Where output goes.
    pub(crate) terminal: &'a mut Terminal<'t>,
}

impl Context<'_, '_> {
    /// A connection to the service; nothing is sent before the first request.
    pub(crate) fn server(&mut self) -> Result<Server, Failure> {
        Server::new(self.globals, self.host)
    }
}

/// Runs a command and answers with the exit code.
pub(crate) fn run(command: Command, globals: &Globals, host: &dyn Host, terminal: &mut Terminal<'_>) -> u8 {
    let mut context = Context { globals, host, terminal };
    match route(command, &mut context) {
        Ok(code) => code,
        Err(failure) => {
            context.terminal.failure(&failure);
            failure.exit.code()
        }
    }
}

fn route(command: Command, context: &mut Context<'_, '_>) -> Result<u8, Failure> {
    let role = |role, given: &Role| Ok(context.host.hidden(role, &given.arguments));
    let exit = match command {
        Command::Demo(args) => demo::run(&args, context),
        Command::Serve(args) => serve::run(args, context),
        Command::Init(args) => init::run(args, context),
        Command::Backup(args) => backup::run(&args, context),
        Command::Restore(args) => restore::run(&args, context),
        Command::Attest(args) => attest::run(&args, context),
        Command::Vouch(args) => vouch::run(&args, context),
        Command::Sign(args) => sign::run(&args, context),
        Command::Verify(args) => verify::run(&args, context),
        Command::Inspect(args) => inspect::run(&args, context),
        Command::Whoami => whoami::run(context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Audit(args) => audit::run(&args, context),
        Command::Explain(args) => explain::run(&args, context),
        Command::Evidence(verb) => evidence::run(&verb, context),
        Command::Ledger(verb) => ledger::run(&verb, context),
        Command::Request(verb) => request::run(&verb, context),
        Command::Key(verb) => key::run(&verb, context),
        Command::Act(verb) => act::run(&verb, context),
        Command::Exception(verb) => exception::run(&verb, context),
        Command::Freeze(verb) => freeze::run(&verb, context),
        Command::Policy(verb) => policy::run(&verb, context),
        Command::Trust(verb) => trust::run(&verb, context),
        Command::Root(verb) => root::run(&verb, context),
        Command::Webhook(verb) => webhook::run(&verb, context),
        Command::Pep740(args) => pep740::run(&args, context),
        Command::Setup(args) => setup::run(&args, context),
        Command::Dev(verb) => dev::run(&verb, context),
        Command::Completion(args) => completion::run(&args, context),
        Command::Man(args) => man::run(&args, context),
        Command::Env => env::run(context),
        Command::Help(args) => help::run(&args, context),
        Command::Version => version::run(context),
        Command::Gateway(given) => return role(HiddenRole::Gateway, &given),
        Command::Keyguard(args) => return keyguard::run(&args, context),
        Command::Pkcs11Worker(given) => return role(HiddenRole::Pkcs11Worker, &given),
    };
    exit.map(Exit::code)
}
