//! Wire types, one file per resource, and the OpenAPI document made from them.
