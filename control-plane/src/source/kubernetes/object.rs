//! Objects as the API server sends them, read one by one: one that makes no sense does not spoil a list.

use super::kind::Kind;
use super::name::ObjectName;
use super::store::State;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// What is kept of one kind of object.
pub trait Watched: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The kind, where it is in the API.
    type Resource: Resource<DynamicType = ()>;
    /// The fields that are looked at. Others are not even read.
    type Fields: DeserializeOwned;
    /// The kind.
    const KIND: Kind;

    /// The fields that all kinds have.
    fn metadata(fields: &Self::Fields) -> &Metadata;

    /// What matters of the fields; `None` if nothing does. Parts that make no sense are left out and told in `defects`.
    fn read(fields: Self::Fields, defects: &mut Vec<String>) -> Option<Self>;
}

/// The metadata that is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The name.
    pub name: String,
    /// The namespace, if the kind has one.
    pub namespace: Option<String>,
    /// What is said of the object beside its specification.
    pub labels: Option<BTreeMap<String, String>>,
    /// What is said to Evenkeel.
    pub annotations: Option<Annotations>,
    /// The prefix of a generated name.
    pub generate_name: Option<String>,
    /// What made the object.
    pub owner_references: Option<Vec<OwnerReference>>,
    /// When the object was made, as Kubernetes writes times.
    pub creation_timestamp: Option<String>,
    resource_version: Option<String>,
}

/// The annotations that are read. Others can be large.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Annotations {
    /// The weight of a pod.
    #[serde(rename = "evenkeel.dev/weight")]
    pub weight: Option<String>,
}

/// What made an object.
#[derive(Clone, Debug, Deserialize)]
pub struct OwnerReference {
    /// The kind of the owner.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether it is the one that manages the object.
    pub controller: Option<bool>,
}

impl Metadata {
    /// The value of a label; none if it is empty.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.as_ref()?.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// One object, read as far as it makes sense.
#[derive(Clone, Debug)]
pub struct Object<T> {
    /// Name, namespace and resource version, no more.
    metadata: ObjectMeta,
    /// What it says.
    pub state: State<T>,
    /// What makes no sense, each with the field and the remedy.
    pub defects: Vec<String>,
}

impl<T> Object<T> {
    /// The name of the object.
    pub fn name(&self) -> ObjectName {
        let part = |part: &Option<String>| part.as_deref().unwrap_or_default().into();
        ObjectName { namespace: part(&self.metadata.namespace), name: part(&self.metadata.name) }
    }
}

impl<T: Watched> Object<T> {
    fn read(json: &Value) -> Self {
        match T::Fields::deserialize(json) {
            Ok(fields) => Self::sensible(fields),
            Err(error) => Self::malformed(json, &error),
        }
    }

    fn sensible(fields: T::Fields) -> Self {
        let metadata = trimmed(T::metadata(&fields));
        let mut defects = Vec::new();
        let state = T::read(fields, &mut defects).map_or(State::Irrelevant, State::Known);
        Self { metadata, state, defects }
    }

    fn malformed(json: &Value, error: &serde_json::Error) -> Self {
        let metadata = Header::deserialize(json).map(|header| trimmed(&header.metadata)).unwrap_or_default();
        let located = serde_path_to_error::deserialize::<_, T::Fields>(json).err();
        let problem = located.map_or_else(|| error.to_string(), |error| format!("{}: {}", error.path(), error.inner()));
        let defect = format!("{problem}; the object is left out until it is right");
        Self { metadata, state: State::Malformed, defects: vec![defect] }
    }
}

/// What is read of an object that makes no sense.
#[derive(Deserialize)]
struct Header {
    metadata: Metadata,
}

fn trimmed(metadata: &Metadata) -> ObjectMeta {
    ObjectMeta {
        name: Some(metadata.name.clone()),
        namespace: metadata.namespace.clone(),
        resource_version: metadata.resource_version.clone(),
        ..ObjectMeta::default()
    }
}

impl<'de, T: Watched> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // kube has a guard for the same purpose. It makes a copy of each object, and does not name the field.
        Ok(Self::read(&Value::deserialize(deserializer)?))
    }
}

impl<T: Watched> Resource for Object<T> {
    type DynamicType = ();
    type Scope = <T::Resource as Resource>::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        T::Resource::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        T::Resource::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        T::Resource::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        T::Resource::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests;
