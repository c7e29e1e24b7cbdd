//! The use cases of the process that faces the network.
