//! What can be done.

use crate::policy::notices::Notice;
use crate::policy::status::ConnectionPolicyStatus;
use kube::ResourceExt;
use kube::api::{DynamicObject, ObjectMeta};
use std::fmt;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Apply an object.
    Apply {
        /// Which one.
        key: ObjectKey,
        /// What it is to be, with its owner.
        object: Box<DynamicObject>,
    },
    /// Delete an object.
    Delete {
        /// Which one.
        key: ObjectKey,
        /// One that was made later under the same name is another one.
        uid: String,
    },
    /// Write the status of a policy, then tell what is new in it.
    Write {
        /// The policy.
        policy: Box<ObjectMeta>,
        /// What it is to be.
        status: Box<ConnectionPolicyStatus>,
        /// What is new.
        notices: Vec<Notice>,
    },
}

/// What an object is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// Of this object.
    pub fn of(object: &DynamicObject) -> Self {
        Self {
            kind: object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default(),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}
