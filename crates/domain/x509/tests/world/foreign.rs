//! Foreign tools as oracles.
#![expect(clippy::panic, clippy::print_stdout, reason = "test")]

use std::path::Path;
use std::process::{Command, Output};

use chancery_x509::certificate::Certificate;

/// Runs a foreign tool; `None` when it is absent.
pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Option<Output> {
    match Command::new(program).args(arguments).current_dir(folder).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            not_compared(program);
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

pub(crate) fn openssl(arguments: &str, folder: &Path) -> Option<String> {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let output = run("openssl", &arguments, folder)?;
    assert!(output.status.success(), "openssl {arguments:?}: {}", text(&output));
    Some(text(&output))
}

pub(crate) fn write(folder: &Path, name: &str, certificate: &Certificate) {
    std::fs::write(folder.join(name), certificate.to_pem()).unwrap();
}

/// Says that a comparison was not made.
pub(crate) fn not_compared(tool: &str) {
    println!("not compared: {tool} is absent");
}
