//! Artifact, evidence and trust snapshot become a verdict: pure, offline, embeddable.
