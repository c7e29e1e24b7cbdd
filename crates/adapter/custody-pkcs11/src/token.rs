//! A token: its module, its slot, its PIN. Lives in the worker.

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::protocol::TokenConfig;
use crate::raw::Sign;
use chancery_private_file::file::{self as private_file, Readers};

const MAX_PIN: u64 = 256;

/// A loaded module and the token in it that was asked for.
pub(crate) struct Token {
    module: Pkcs11,
    slot: Slot,
    pin: AuthPin,
    pub(crate) sign: Sign,
    /// Label, model and serial number, as evidence.
    pub(crate) identity: Vec<String>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Token {
    /// Loads the module and finds the token.
    pub(crate) fn load(config: &TokenConfig) -> Result<Self, Fault> {
        let pin = read_pin(&config.pin_file)?;
        let module = Pkcs11::new(&config.module)
            .map_err(|e| Fault::Setup(format!("module `{}`: {e}", config.module.display())))?;
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        let sign = Sign::load(&config.module)
            .ok_or_else(|| Fault::Setup("the module has no function list".to_owned()))?;
        let slot = find(&module, config)?;
        let info = module.get_token_info(slot)?;
        let identity = vec![
            format!("token={}", info.label().trim_end()),
            format!("model={}", info.model().trim_end()),
            format!("serial={}", info.serial_number().trim_end()),
        ];
        Ok(Self { module, slot, pin, sign, identity })
    }
    /// Opens a session and logs in. A login holds for all sessions of a process, so others may have done it already.
    pub(crate) fn session(&self) -> Result<Session, Fault> {
        let session = self.module.open_rw_session(self.slot)?;
        match session.login(UserType::User, Some(&self.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(e) => Err(e.into()),
        }
    }
}

fn read_pin(path: &Path) -> Result<AuthPin, Fault> {
    // Group-read is how systemd's ACL on a credential shows.
    let bytes = private_file::read(path, Readers::OwnerAndGroup, MAX_PIN);
    let mut bytes = bytes.map_err(|e| Fault::Setup(private_file::in_full(&e)))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Fault::Setup("the PIN is not UTF-8 (PKCS#11 2.40 §5.6)".to_owned()))?;
    if text.is_empty() {
        return Err(Fault::Setup("the PIN is empty".to_owned()));
    }
    let text = Zeroizing::new(text.to_owned());
    Ok(AuthPin::new(text.as_str().into()))
}

/// The one slot whose token has the label and, where given, the serial number.
fn find(module: &Pkcs11, config: &TokenConfig) -> Result<Slot, Fault> {
    let mut found = Vec::new();
    for slot in module.get_slots_with_initialized_token()? {
        let info = module.get_token_info(slot)?;
        let serial = config.serial.as_deref().is_none_or(|serial| info.serial_number().trim_end() == serial);
        if info.label().trim_end() == config.label && serial {
            found.push(slot);
        }
    }
    match found.as_slice() {
        [slot] => Ok(*slot),
        [] => Err(Fault::Gone(format!("no token is labelled `{}`", config.label))),
        _ => Err(Fault::Refused(format!(
            "several tokens are labelled `{}`: name the serial number",
            config.label
        ))),
    }
}
