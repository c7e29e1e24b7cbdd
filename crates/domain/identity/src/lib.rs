//! Workload token and issuer keys become a caller with normalised claims.
