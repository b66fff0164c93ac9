//! Policies and their Services from YAML documents, as `kubectl apply` takes them.

use super::ConnectionPolicy;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What of the documents matters here.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// In the order of the documents.
    pub policies: Vec<ConnectionPolicy>,
    /// In the order of the documents.
    pub services: Vec<Service>,
}

/// What is wrong with the documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not YAML.
    #[error("{0}")]
    Yaml(String),
    /// A field of a document, from 1, is wrong.
    #[error("document {document}, {kind}: {field}: {message}")]
    Field {
        /// Which one, from 1.
        document: usize,
        /// Its kind.
        kind: String,
        /// The path of the field.
        field: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// The Service of a policy is not there.
    #[error(
        "ConnectionPolicy {policy}: spec.targetRefs[0].name: no Service {service} is among the documents: add its manifest"
    )]
    NoService {
        /// Whose.
        policy: String,
        /// Which one.
        service: String,
    },
}

impl Manifests {
    /// Reads documents. Those of other kinds are passed over.
    ///
    /// # Errors
    /// At the first document that is not what its kind says.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(text).map_err(|error| ManifestError::Yaml(error.to_string()))?;
        let mut manifests = Self::default();
        for (document, value) in (1..).zip(documents) {
            manifests.add(document, value)?;
        }
        Ok(manifests)
    }

    fn add(&mut self, document: usize, value: Value) -> Result<(), ManifestError> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (version, kind) = (text("apiVersion"), text("kind"));
        match (version.as_str(), kind.as_str()) {
            ("evenkeel.dev/v1alpha1", "ConnectionPolicy") => self.policies.push(object(document, &kind, value)?),
            ("v1", "Service") => self.services.push(object(document, &kind, value)?),
            _ => {}
        }
        Ok(())
    }

    /// The Service that a policy is for.
    ///
    /// # Errors
    /// When it is not among the documents.
    pub fn service(&self, policy: &ConnectionPolicy) -> Result<&Service, ManifestError> {
        let name = policy.spec.target_refs.first().map(|target| target.name.as_str()).unwrap_or_default();
        let is_meant = |service: &&Service| service.namespace() == policy.namespace() && service.name_any() == name;
        self.services.iter().find(is_meant).ok_or_else(|| ManifestError::NoService {
            policy: policy.name_any(),
            service: format!("{}/{name}", policy.namespace().unwrap_or_default()),
        })
    }
}

fn object<T: DeserializeOwned>(document: usize, kind: &str, value: Value) -> Result<T, ManifestError> {
    serde_path_to_error::deserialize(value).map_err(|error| ManifestError::Field {
        document,
        kind: kind.to_owned(),
        field: error.path().to_string(),
        message: error.inner().to_string(),
    })
}
