//! A session of a token: finds keys, makes them, signs with them, and is rebuilt when it is lost.

use std::collections::HashMap;
use std::sync::Arc;

use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::digest::Sha256;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::fault::Fault;
use crate::protocol::{Answer, Call, Held, Sign, TokenKey};
use crate::token::Token;
use crate::{public, signature};

/// A logged-in session with the handles that it found. Handles are not kept beyond the session (PKCS#11 2.40 §2.3):
/// after a login the same number may be another key.
#[derive(Debug)]
struct Live {
    session: Session,
    keys: HashMap<String, Found>,
}

/// A private key in a session, and which public key it belongs to.
#[derive(Debug, Clone, Copy)]
struct Found {
    handle: ObjectHandle,
    algorithm: KeyAlgorithm,
    public_key: Sha256,
}

/// One seat at the token: a session that comes back.
#[derive(Debug)]
pub(crate) struct Seat {
    token: Arc<Token>,
    live: Option<Live>,
}

impl Seat {
    /// Takes a seat; the session is opened at once, so that a full token says so.
    pub(crate) fn take(token: Arc<Token>) -> Result<Self, Fault> {
        let live = Live { session: token.session()?, keys: HashMap::new() };
        Ok(Self { token, live: Some(live) })
    }
    /// Does one call. When the session was lost it is rebuilt, and the call made once more; when that fails too,
    /// `Fault::Gone` says that this process cannot go on.
    pub(crate) fn answer(&mut self, call: &Call) -> Result<Answer, Fault> {
        match self.attempt(call) {
            Err(Fault::Gone(_)) => {
                self.live = None;
                self.attempt(call)
            }
            other => other,
        }
    }
    fn attempt(&mut self, call: &Call) -> Result<Answer, Fault> {
        let live = match &mut self.live {
            Some(live) => live,
            None => {
                let session = self.token.session()?;
                self.live.insert(Live { session, keys: HashMap::new() })
            }
        };
        match call {
            Call::Open(_) => Err(Fault::Refused("the token is open already".to_owned())),
            Call::Generate { label, algorithm } => {
                generate(&live.session, label, *algorithm)?;
                describe(&live.session, label, &self.token)
            }
            Call::Inspect { label } => describe(&live.session, label, &self.token),
            Call::Sign(wish) => live.sign(wish, &self.token).map(Answer::Signature),
            Call::Health => Ok(live.session.get_session_info().map(|_| Answer::Healthy)?),
        }
    }
}

impl Live {
    /// The hot path: C_SignInit and C_Sign, once each, and nothing else once the key was found.
    fn sign(&mut self, wish: &Sign, token: &Token) -> Result<Vec<u8>, Fault> {
        let input = signature::input(wish.algorithm, &wish.digest)
            .ok_or_else(|| Fault::Unfit("the digest is not of the key's algorithm".to_owned()))?;
        let found = match self.keys.get(&wish.label) {
            Some(found) => *found,
            None => {
                let found = Found::search(&self.session, &wish.label)?;
                self.keys.insert(wish.label.clone(), found);
                found
            }
        };
        if found.public_key != wish.public_key || found.algorithm != wish.algorithm {
            self.keys.remove(&wish.label);
            return Err(Fault::Unfit("the token holds another key of this name".to_owned()));
        }
        let mechanism = match wish.algorithm {
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => Mechanism::Ecdsa,
            KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => Mechanism::RsaPkcs,
            KeyAlgorithm::Ed25519 => return Err(Fault::Unfit("Ed25519 is not for tokens".to_owned())),
        };
        self.session.sign_init(&mechanism, found.handle)?;
        Ok(token.sign.call(&self.session, &input)?)
    }
}

impl Found {
    fn search(session: &Session, label: &str) -> Result<Self, Fault> {
        let handle = one(session, ObjectClass::PRIVATE_KEY, label)?;
        let public_key = public_half(session, label)?;
        Ok(Self { handle, algorithm: public_key.algorithm, public_key: fingerprint(&public_key) })
    }
}

/// SHA-256 of the SubjectPublicKeyInfo.
pub(crate) fn fingerprint(key: &PublicKey) -> Sha256 {
    Sha256::of(&key.spki)
}

/// The one object of a class and label. Two are an error: a guess could sign with a key that somebody else put there.
fn one(session: &Session, class: ObjectClass, label: &str) -> Result<ObjectHandle, Fault> {
    let template =
        [Attribute::Class(class), Attribute::Token(true), Attribute::Label(label.as_bytes().to_vec())];
    match session.find_objects(&template)?.as_slice() {
        [handle] => Ok(*handle),
        [] => Err(Fault::Absent),
        _ => Err(Fault::Unfit("the token has several keys of this name".to_owned())),
    }
}

fn public_half(session: &Session, label: &str) -> Result<PublicKey, Fault> {
    let handle = one(session, ObjectClass::PUBLIC_KEY, label)?;
    let unknown = || Fault::Unfit("the token's public key is of no kind that is used here".to_owned());
    let kind = session.get_attributes(handle, &[AttributeType::KeyType])?;
    let key = match kind.as_slice() {
        [Attribute::KeyType(KeyType::EC)] => {
            let wanted = [AttributeType::EcParams, AttributeType::EcPoint];
            match session.get_attributes(handle, &wanted)?.as_slice() {
                [Attribute::EcParams(parameters), Attribute::EcPoint(point)] => {
                    public::from_point(parameters, point)
                }
                _ => None,
            }
        }
        [Attribute::KeyType(KeyType::RSA)] => {
            let wanted = [AttributeType::Modulus, AttributeType::PublicExponent];
            match session.get_attributes(handle, &wanted)?.as_slice() {
                [Attribute::Modulus(modulus), Attribute::PublicExponent(exponent)] => {
                    public::from_modulus(modulus, exponent)
                }
                _ => None,
            }
        }
        _ => None,
    };
    key.ok_or_else(unknown)
}

fn describe(session: &Session, label: &str, token: &Token) -> Result<Answer, Fault> {
    let handle = one(session, ObjectClass::PRIVATE_KEY, label)?;
    let held = held(session, handle)?;
    Ok(Answer::Key(TokenKey {
        public_key: public_half(session, label)?,
        held,
        token: token.identity.clone(),
    }))
}

/// An attribute that the token does not give is an attribute that does not speak for the key.
fn held(session: &Session, key: ObjectHandle) -> Result<Held, Fault> {
    let wanted = [
        AttributeType::Sensitive,
        AttributeType::AlwaysSensitive,
        AttributeType::Extractable,
        AttributeType::NeverExtractable,
        AttributeType::Local,
    ];
    let mut held = Held {
        sensitive: false,
        always_sensitive: false,
        extractable: true,
        never_extractable: false,
        local: false,
    };
    for attribute in session.get_attributes(key, &wanted)? {
        if let Attribute::Sensitive(value) = attribute {
            held.sensitive = value;
        } else if let Attribute::AlwaysSensitive(value) = attribute {
            held.always_sensitive = value;
        } else if let Attribute::Extractable(value) = attribute {
            held.extractable = value;
        } else if let Attribute::NeverExtractable(value) = attribute {
            held.never_extractable = value;
        } else if let Attribute::Local(value) = attribute {
            held.local = value;
        }
    }
    Ok(held)
}

/// Makes a key pair whose private half cannot leave. A pair that the token holds otherwise is destroyed again.
fn generate(session: &Session, label: &str, algorithm: KeyAlgorithm) -> Result<(), Fault> {
    for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
        match one(session, class, label) {
            Err(Fault::Absent) => {}
            Ok(_) | Err(Fault::Unfit(_)) => return Err(Fault::Exists),
            Err(e) => return Err(e),
        }
    }
    let (mechanism, kind) = match algorithm {
        KeyAlgorithm::EcdsaP256 => {
            (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(public::P256.to_vec())])
        }
        KeyAlgorithm::EcdsaP384 => {
            (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(public::P384.to_vec())])
        }
        KeyAlgorithm::Rsa3072 => (Mechanism::RsaPkcsKeyPairGen, modulus(3072)),
        KeyAlgorithm::Rsa4096 => (Mechanism::RsaPkcsKeyPairGen, modulus(4096)),
        KeyAlgorithm::Ed25519 => return Err(Fault::Unfit("Ed25519 is not for tokens".to_owned())),
    };
    let id = Sha256::of(label.as_bytes()).as_bytes().to_vec();
    let name =
        || [Attribute::Token(true), Attribute::Label(label.as_bytes().to_vec()), Attribute::Id(id.clone())];
    let mut public: Vec<Attribute> = name().into();
    public.extend([Attribute::Private(false), Attribute::Verify(true)]);
    public.extend(kind);
    let mut private: Vec<Attribute> = name().into();
    private.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ]);
    let (public, private) = session.generate_key_pair(&mechanism, &public, &private)?;
    if held(session, private)?.is_confined() {
        return Ok(());
    }
    session.destroy_object(private)?;
    session.destroy_object(public)?;
    Err(Fault::Unfit("the token does not confine the keys that it makes".to_owned()))
}

fn modulus(bits: u32) -> Vec<Attribute> {
    vec![Attribute::ModulusBits(u64::from(bits).into()), Attribute::PublicExponent(public::EXPONENT.to_vec())]
}
