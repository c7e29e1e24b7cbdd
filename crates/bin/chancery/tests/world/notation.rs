//! notation's configuration.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::World;

/// notation's trust: the development service's roots, one identity, level strict, and a timestamp `always`, or none at all.
pub fn trust(world: &World, config: &Path, timestamps: &str) {
    let text = std::fs::read_to_string(world.data().join("trust.json")).unwrap();
    let trust: Value = serde_json::from_str(&text).unwrap();
    let store = config.join("truststore/x509");
    for kind in ["ca", "tsa"] {
        std::fs::create_dir_all(store.join(kind).join("dev")).unwrap();
    }
    std::fs::write(store.join("ca/dev/root.crt"), trust["native_roots"][0].as_str().unwrap()).unwrap();
    let chain = &trust["trusted_root"]["timestampAuthorities"][0]["certChain"]["certificates"];
    let root = chain.as_array().unwrap().last().unwrap()["rawBytes"].as_str().unwrap();
    std::fs::write(store.join("tsa/dev/root.crt"), STANDARD.decode(root).unwrap()).unwrap();
    let mut policy = json!({"version": "1.0", "trustPolicies": [{
        "name": "dev", "registryScopes": ["*"],
        "signatureVerification": {"level": "strict", "verifyTimestamp": timestamps},
        "trustStores": ["ca:dev", "tsa:dev"],
        "trustedIdentities": ["x509.subject: C=ZZ, ST=Nowhere, O=Development"],
    }]});
    // Without trust in time stamping there is nothing to verify stamps with, and notation refuses the option.
    if timestamps.is_empty() {
        policy["trustPolicies"][0]["signatureVerification"] = json!({"level": "strict"});
        policy["trustPolicies"][0]["trustStores"] = json!(["ca:dev"]);
    }
    std::fs::write(config.join("trustpolicy.json"), policy.to_string()).unwrap();
}
