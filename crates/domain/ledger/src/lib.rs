//! The tamper-evident log: tiles, checkpoints, proofs, cosignatures; one file per C2SP specification.
