//! Ports between gateway and keyguard without a socket, and a time stamping authority that may be away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use chancery_core::digest::DigestAlgorithm;
use chancery_core::message::{Call, Reply, Stamp};
use chancery_core::port::Boxed;
use chancery_core::port::cosigner::{CosignError, Follow};
use chancery_core::port::dialer::{DialError, Dialer, Reach, Wire};
use chancery_core::port::keyguard::{Keyguard as KeyguardPort, KeyguardUnavailable};
use chancery_core::port::stamper::{StampError, Stamped, Stamper};
use chancery_core::time::Time;
use chancery_core::tunnel::Peer;
use chancery_keyguard::keyguard::Keyguard;
use chancery_testkit::custodian::{FakeCustodian, Fault};
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::{CertificateWish, TimestampRequest};

/// The real keyguard, which a test may replace as a restart does.
#[derive(Debug)]
pub(crate) struct InProcess {
    keyguard: RwLock<Arc<Keyguard>>,
    custodian: FakeCustodian,
    fault: Mutex<Option<Fault>>,
}

impl InProcess {
    pub(crate) fn new(keyguard: Keyguard, custodian: FakeCustodian) -> Arc<Self> {
        Arc::new(Self { keyguard: RwLock::new(Arc::new(keyguard)), custodian, fault: Mutex::new(None) })
    }
    pub(crate) fn restart(&self, keyguard: Keyguard) {
        *self.keyguard.write().unwrap() = Arc::new(keyguard);
    }
    /// The first signature of the next order goes wrong.
    pub(crate) fn spoil_order(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some(fault);
    }
    pub(crate) fn answer(&self, call: Call) -> Reply {
        if matches!(call, Call::Sign(_))
            && let Some(fault) = self.fault.lock().unwrap().take()
        {
            self.custodian.fail_next(fault);
        }
        let keyguard = Arc::clone(&self.keyguard.read().unwrap());
        keyguard.answer(call)
    }
    pub(crate) fn follow(&self, follow: &Follow) -> Result<String, CosignError> {
        match self.answer(Call::Follow(follow.clone())) {
            Reply::Cosigned(line) => Ok(line),
            Reply::NotCosigned(error) => Err(error),
            other => Err(CosignError::Unavailable(format!("{other:?}"))),
        }
    }
}

impl KeyguardPort for InProcess {
    fn call(&self, call: Call) -> Boxed<'_, Result<Reply, KeyguardUnavailable>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(self.answer(call))
        })
    }
}

/// Nobody can be reached.
#[derive(Debug)]
pub(crate) struct NoNetwork;

impl Dialer for NoNetwork {
    fn dial<'a>(&'a self, _: &'a Peer, _: Reach) -> Boxed<'a, Result<Box<dyn Wire>, DialError>> {
        Box::pin(async { Err(DialError("no network".to_owned())) })
    }
}

/// A remote authority: the built-in one under another name, which may be away.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) keyguard: Arc<InProcess>,
    pub(crate) away: AtomicBool,
    pub(crate) now: Time,
}

impl Stamper for Remote {
    fn stamp<'a>(&'a self, signature: &'a [u8]) -> Boxed<'a, Result<Stamped, StampError>> {
        Box::pin(async move {
            if self.away.load(Ordering::SeqCst) {
                return Err(StampError("connection refused".to_owned()));
            }
            let imprint = Imprint::of(DigestAlgorithm::Sha256, signature);
            let certificates = CertificateWish::Include;
            let request = TimestampRequest { imprint, policy: None, nonce: None, certificates }.to_der();
            let stamp = Stamp { request, serial: vec![0x55; 16], digest: DigestAlgorithm::Sha256 };
            match self.keyguard.answer(Call::Stamp(stamp)) {
                Reply::Stamped(response) => Ok(Stamped { response, at: self.now }),
                other => panic!("{other:?}"),
            }
        })
    }
}
