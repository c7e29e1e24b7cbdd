//! One `C_Sign` per signature.
//!
//! The safe wrapper asks the token for the size of each signature before it asks for the signature: two calls, and with
//! a network HSM two round trips. The sizes are known here, so the function is called directly. This is the only unsafe
//! code of the workspace.

use std::path::Path;

use cryptoki::error::{Rv, RvError};
use cryptoki::session::Session;
use cryptoki_sys::{CK_BYTE, CK_FUNCTION_LIST, CK_RV, CK_SESSION_HANDLE, CK_ULONG};

/// Larger than any signature here (RSA-4096 has 512 bytes), so that no token can answer "buffer too small", which
/// would leave the operation open.
const BUFFER: usize = 1024;

type Function =
    unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) -> CK_RV;

/// `C_Sign` of a module.
pub(crate) struct Sign {
    function: Function,
    /// INVARIANT: the module stays loaded as long as its function may be called.
    _module: cryptoki_sys::Pkcs11,
}

impl std::fmt::Debug for Sign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sign")
    }
}

impl Sign {
    /// Finds the function in the module's function list, which is the one thing that PKCS#11 2.40 §5.1 demands of a
    /// module to export.
    #[expect(unsafe_code, reason = "the function list is a C structure")]
    pub(crate) fn load(module: &Path) -> Option<Self> {
        // SAFETY: loading runs the module's initialisers. The safe wrapper has loaded the same module before, so they
        // ran already and this only counts one more user of it.
        let module = unsafe { cryptoki_sys::Pkcs11::new(module) }.ok()?;
        let mut list: *mut CK_FUNCTION_LIST = std::ptr::null_mut();
        let function_list = module.C_GetFunctionList.as_ref().ok()?;
        // SAFETY: PKCS#11 2.40 §5.4: writes a pointer to a list that lives as long as the module is loaded.
        let status = unsafe { function_list(&raw mut list) };
        if !matches!(Rv::from(status), Rv::Ok) {
            return None;
        }
        // SAFETY: either null, which `as_ref` answers with `None`, or a list as above. Every version of the list starts
        // with the members of version 2, which is all that this type has.
        let function = unsafe { list.as_ref() }?.C_Sign?;
        Some(Self { function, _module: module })
    }
    /// Finishes the operation that `C_SignInit` began on this session.
    #[expect(unsafe_code, reason = "one call instead of two")]
    pub(crate) fn call(&self, session: &Session, data: &[u8]) -> Result<Vec<u8>, RvError> {
        let mut signature = vec![0u8; BUFFER];
        let mut length = BUFFER as CK_ULONG;
        // SAFETY: `data` and `signature` are valid for the lengths given with them for the time of the call; PKCS#11
        // 2.40 §5.11: the data is only read (its type is not const because C's is not), and at most `length` bytes are
        // written. A session belongs to one thread, because `Session` is not `Sync`.
        let status = unsafe {
            (self.function)(
                session.handle(),
                data.as_ptr().cast_mut(),
                data.len() as CK_ULONG,
                signature.as_mut_ptr(),
                &raw mut length,
            )
        };
        match Rv::from(status) {
            Rv::Ok => {
                // A module that claims to have written more than the buffer holds is lying: nothing is taken.
                let written = usize::try_from(length).unwrap_or(0);
                signature.truncate(if written <= BUFFER { written } else { 0 });
                Ok(signature)
            }
            Rv::Error(e) => Err(e),
        }
    }
}
