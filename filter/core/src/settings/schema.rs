//! What a Kubernetes API server can say of a section.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A duration as a regular expression, without its range.
pub const DURATION: &str = "^([0-9]+(ms|s|m|h|d))+$";

/// A text such as `1h30m`, or nothing. Its range is for [`crate::duration`] to say.
pub fn optional_duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "pattern": DURATION})
}
