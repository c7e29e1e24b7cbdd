//! The use cases of the process that alone holds the keys.
