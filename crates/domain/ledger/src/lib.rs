//! The tamper-evident log: tiles, checkpoints, proofs, cosignatures; one file per C2SP specification.
//!
//! Pure: leaves, notes and proofs go in, checked values come out. Storing and sequencing live in `adapter/store`.

pub mod act;
pub mod checkpoint;
pub mod cosignature;
pub mod event;
pub mod follower;
pub mod hashedrekord;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod rekor;
pub mod tile;
pub mod vkey;
