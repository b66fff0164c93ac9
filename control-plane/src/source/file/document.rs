//! The file as YAML: its fields, their defaults, and where in the file they are.

use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// A list that must be written out. YAML reads `services:` with nothing behind it as "no value"; taking that for an
/// empty list would turn a file that is only half written into one without endpoints.
pub type List<T> = Spanned<Option<Vec<T>>>;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Document {
    pub services: List<Service>,
}

/// A service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Service {
    pub name: Spanned<String>,
    /// `default` if left out.
    pub namespace: Option<Spanned<String>>,
    pub ports: List<Port>,
    pub endpoints: List<Endpoint>,
}

/// A port of a service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Port {
    /// May be left out when it is the only port.
    pub name: Option<Spanned<String>>,
    pub port: Spanned<i64>,
}

/// An endpoint of a service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Endpoint {
    pub address: Spanned<String>,
    /// Port name to target port; the service's own number for those that are left out.
    #[serde(default)]
    pub ports: BTreeMap<String, Spanned<i64>>,
    pub ready: Option<bool>,
    pub weight: Option<Spanned<i64>>,
    #[serde(default)]
    pub locality: Locality,
}

/// Where an endpoint runs.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Locality {
    pub region: String,
    pub zone: String,
    pub sub_zone: String,
}
