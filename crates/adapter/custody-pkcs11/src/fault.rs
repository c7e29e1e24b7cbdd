//! What the worker says when a token did not do it, and what follows from each return code.

use cryptoki::error::{Error, RvError};

/// Why the worker has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// The token has no such key.
    #[error("the token has no such key")]
    Absent,
    /// The token has a key of this name.
    #[error("the token has a key of this name")]
    Exists,
    /// Session, login or device are lost: a new session may help, a new process more so.
    #[error("the token is not reachable: {0}")]
    Gone(String),
    /// The token does not take the PIN. Never tried again by itself: tokens lock after a few wrong PINs.
    #[error("the token refuses the PIN: {0}")]
    PinRefused(String),
    /// The token refuses this call, and would refuse it again.
    #[error("the token refuses: {0}")]
    Refused(String),
    /// The worker cannot use what it was told: PIN file, module.
    #[error("the worker's settings are of no use: {0}")]
    Setup(String),
    /// The token's key is not the one that was meant, or not held as it must be.
    #[error("{0}")]
    Unfit(String),
}

/// After these the session is rebuilt, the key found again and the call made once more. Tokens disagree about which
/// code means that a session, login or device was lost, hence the length of the list.
const REBUILD: [RvError; 18] = [
    RvError::CryptokiNotInitialized,
    RvError::DeviceError,
    RvError::DeviceMemory,
    RvError::DeviceRemoved,
    RvError::FunctionFailed,
    RvError::GeneralError,
    RvError::HostMemory,
    RvError::KeyHandleInvalid,
    RvError::ObjectHandleInvalid,
    RvError::OperationActive,
    RvError::OperationNotInitialized,
    RvError::SessionClosed,
    RvError::SessionCount,
    RvError::SessionHandleInvalid,
    RvError::SlotIdInvalid,
    RvError::TokenNotPresent,
    RvError::TokenNotRecognized,
    RvError::UserNotLoggedIn,
];

const PIN: [RvError; 7] = [
    RvError::PinExpired,
    RvError::PinIncorrect,
    RvError::PinInvalid,
    RvError::PinLenRange,
    RvError::PinLocked,
    RvError::UserPinNotInitialized,
    RvError::UserTypeInvalid,
];

impl From<RvError> for Fault {
    fn from(code: RvError) -> Self {
        let text = format!("{code:?}");
        if REBUILD.contains(&code) {
            Self::Gone(text)
        } else if PIN.contains(&code) {
            Self::PinRefused(text)
        } else {
            Self::Refused(text)
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        if let Error::Pkcs11(code, _) = error {
            return code.into();
        }
        Self::Refused(error.to_string())
    }
}
