//! What the keyguard may not do: seccomp, Landlock, limits, core dumps.
