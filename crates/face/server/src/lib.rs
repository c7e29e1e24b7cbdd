//! HTTP handlers, problem+json, limits, TLS.
