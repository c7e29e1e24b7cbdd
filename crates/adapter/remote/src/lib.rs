//! What is called over HTTP that is not a key: issuer discovery, time stamping authorities, ambient tokens.
