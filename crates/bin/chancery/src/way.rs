//! How `serve` was asked to run, checked before anything is made or started: what is wrong with it is a usage error.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chancery_cli::catalogue::Code;
use chancery_cli::failure::Failure;
use chancery_cli::host::ServeOptions;

use crate::config::{Config, ConfigError};

/// One of two ways to serve.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By a configuration file that can be used.
    Configured(PathBuf),
    /// As a development installation, on an address of this machine if one was given.
    Development(Option<SocketAddr>),
}

impl Way {
    /// Reads the options. Errors are usage errors (exit 2): both ways or none, an address that is none or that others
    /// can reach, a configuration file that is not there.
    pub(crate) fn of(options: &ServeOptions) -> Result<Self, Failure> {
        match (&options.config, options.dev) {
            (None, true) => options.listen.as_deref().map(loopback).transpose().map(Self::Development),
            (Some(path), false) => {
                configured_alone(options)?;
                let path = path.canonicalize().map_err(|error| Failure::file("read", path, &error))?;
                Ok(Self::Configured(path))
            }
            (Some(_), true) => Err(neither("both")),
            (None, false) => Err(neither("neither")),
        }
    }
}

fn neither(found: &str) -> Failure {
    Failure::new(Code::Usage, "a service is served in one of two ways")
        .because(found, "either --dev, or --config FILE (or CHANCERY_CONFIG)")
        .hint("try it with `chancery serve --dev`; `chancery init DIR` makes a configuration file")
}

/// What the configuration file says is said there alone: a flag that is ignored would be a trap.
fn configured_alone(options: &ServeOptions) -> Result<(), Failure> {
    let flags = [("--listen", options.listen.is_some()), ("--data-dir", options.data_dir.is_some())];
    match flags.into_iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((flag, _)) => Err(Failure::new(Code::Usage, format!("`{flag}` goes with --dev only"))
            .because(format!("{flag} and --config"), "--config alone")
            .hint("say it in the configuration file")),
    }
}

/// A development service would sign for whoever reaches it.
fn loopback(text: &str) -> Result<SocketAddr, Failure> {
    let expected = "an address of this machine with a port: 127.0.0.1:8484 or [::1]:8484";
    let address: SocketAddr = text.parse().map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        Failure::new(Code::Usage, format!("`{shown}` is not an address to listen on"))
            .because(shown, expected)
    })?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(Failure::new(Code::Usage, "a development service serves this machine only")
        .because(address.to_string(), expected)
        .hint("listen on loopback; for others, `chancery init DIR` and `chancery serve --config FILE`"))
}

/// Looks whether a configuration file can be used, so that no role is started with one that cannot.
pub(crate) fn check(config: &Path) -> Result<(), Failure> {
    usable(Config::load(config).map(|_| ()))
}

/// What is wrong with a configuration file, as a failure.
pub(crate) fn usable(loaded: Result<(), ConfigError>) -> Result<(), Failure> {
    let Err(error) = loaded else { return Ok(()) };
    let mut what = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        what = format!("{what}: {cause}");
        source = cause.source();
    }
    Err(Failure::new(Code::Configuration, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_development_service_stays_on_this_machine() {
        let dev = |listen: Option<&str>| ServeOptions {
            dev: true,
            listen: listen.map(str::to_owned),
            ..ServeOptions::default()
        };
        assert_eq!(Way::of(&dev(None)).unwrap(), Way::Development(None));
        for good in ["127.0.0.1:0", "[::1]:8484", "127.9.9.9:1"] {
            assert_eq!(Way::of(&dev(Some(good))).unwrap(), Way::Development(good.parse().ok()));
        }
        for bad in ["0.0.0.0:0", "[::]:1", "192.0.2.1:8443", "localhost:1", "127.0.0.1", "", "8484"] {
            let failure = Way::of(&dev(Some(bad))).unwrap_err();
            assert_eq!((failure.code.as_str(), failure.exit.code()), ("CH2001", 2), "{bad}");
            assert_eq!(failure.actual, bad);
            assert!(!failure.expected.is_empty(), "{bad}");
        }
    }

    #[test]
    fn one_way_at_a_time() {
        let both = ServeOptions { dev: true, config: Some("x".into()), ..ServeOptions::default() };
        let file = ServeOptions { config: Some("/nonexistent/x".into()), ..ServeOptions::default() };
        let beside = ServeOptions { listen: Some("127.0.0.1:1".into()), ..file.clone() };
        let cases =
            [(ServeOptions::default(), "CH2001"), (both, "CH2001"), (beside, "CH2001"), (file, "CH2002")];
        for (options, code) in cases {
            assert_eq!(Way::of(&options).unwrap_err().code, code, "{options:?}");
        }
    }
}
