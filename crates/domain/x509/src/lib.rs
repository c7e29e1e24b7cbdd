//! Certificates, SCTs, CMS and RFC 3161: read and written in two phases.
