//! The file as YAML: its fields, and where in the file they are.

use crate::rebalance::section::Section;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Document {
    #[serde(default)]
    pub paused: bool,
    #[serde(default)]
    pub policies: Vec<Entry>,
}

/// The policy of one group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    pub namespace: Spanned<String>,
    pub service: Spanned<String>,
    #[serde(default)]
    pub rebalance: Section,
}
