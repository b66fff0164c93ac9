//! The requests that change something.

use super::kinds;
use crate::policy::claims::{MANAGER, objection};
use crate::policy::notices::Notice;
use crate::policy::reconcile::ObjectKey;
use crate::policy::seen::owner;
use crate::policy::{ConnectionPolicy, ConnectionPolicyStatus};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, Preconditions};
use kube::core::{GroupVersionKind, Status};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;
use tracing::{info, warn};

/// A request that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes to the API server.
pub struct Writer {
    client: Client,
    recorder: Recorder,
}

/// Why a request has come to nothing.
#[derive(Debug)]
pub enum Failure {
    /// The API server does not want it, in its own words.
    Refused(String),
    /// Nobody has looked at it.
    Unavailable(String),
}

impl Writer {
    /// For the process in this pod.
    pub fn new(client: Client, pod: Option<String>) -> Self {
        let reporter = Reporter { controller: "evenkeel.dev/policies".to_owned(), instance: pod };
        Self { recorder: Recorder::new(client.clone(), reporter), client }
    }

    /// Applies an object, over the edits of others but not over what they apply. The resource version that it has then.
    pub async fn apply(&self, object: &DynamicObject) -> Result<String, Failure> {
        let api = self.api_of(object)?;
        let version = |object: DynamicObject| object.resource_version().unwrap_or_default();
        let refused = match request(apply(&api, object, false)).await? {
            Ok(applied) => return Ok(version(applied)),
            Err(refused) if refused.code == 409 => refused,
            Err(refused) => return Err(Failure::Refused(words(&refused))),
        };
        // Asked for only now: what the watch knows may be older than the conflict.
        let live = request(api.get(&object.name_any())).await?.map_err(|refused| Failure::Refused(words(&refused)))?;
        let contested = refused.details.iter().flat_map(|details| &details.causes).map(|cause| cause.field.as_str());
        if let Some(objection) = objection(&live, owner(object).unwrap_or_default(), contested) {
            return Err(Failure::Refused(objection));
        }
        let applied = request(apply(&api, object, true)).await?;
        applied.map(version).map_err(|refused| Failure::Refused(words(&refused)))
    }

    /// Deletes an object, if it is still the one of this uid.
    pub async fn delete(&self, key: &ObjectKey, uid: String) -> Result<(), Failure> {
        let unknown = || Failure::Refused(format!("{} is no kind that is made for policies", key.kind));
        let resource = kinds::owned_kind(&key.kind).ok_or_else(unknown)?;
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &key.namespace, &resource);
        let preconditions = Some(Preconditions { uid: Some(uid), resource_version: None });
        let parameters = DeleteParams { preconditions, ..DeleteParams::default() };
        match request(api.delete(&key.name, &parameters)).await? {
            Ok(_) => info!("{key} is deleted: no policy wants it any more"),
            // It has gone, or another one has its name.
            Err(refused) if [404, 409].contains(&refused.code) => {}
            Err(refused) => return Err(Failure::Refused(words(&refused))),
        }
        Ok(())
    }

    /// Writes the status of a policy. The resource version that it has then; `None` if it has gone.
    pub async fn write(&self, policy: &ObjectMeta, status: &ConnectionPolicyStatus) -> Result<Option<String>, Failure> {
        let (namespace, name) = (text(policy.namespace.as_ref()), text(policy.name.as_ref()));
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &kinds::policy());
        let body = json!({
            "apiVersion": ConnectionPolicy::api_version(&()),
            "kind": ConnectionPolicy::kind(&()),
            "metadata": {"name": name},
            "status": status,
        });
        let parameters = PatchParams::apply(MANAGER).force();
        match request(api.patch_status(name, &parameters, &Patch::Apply(body))).await? {
            Ok(written) => Ok(written.resource_version()),
            Err(refused) if refused.code == 404 => Ok(None),
            Err(refused) => Err(Failure::Refused(format!("status of {namespace}/{name}: {}", words(&refused)))),
        }
    }

    /// Tells what is new, in the log and in Events. An Event that is lost is no reason to stop.
    pub async fn tell(&self, policy: &ObjectMeta, notices: &[Notice]) {
        for notice in notices {
            let Notice { is_warning, reason, note, .. } = notice;
            let name = name(policy);
            if *is_warning {
                warn!("ConnectionPolicy {name}: {reason}: {note}");
            } else {
                info!("ConnectionPolicy {name}: {reason}: {note}");
            }
            let published = timeout(PATIENCE, self.recorder.publish(&event(notice), &reference(policy))).await;
            if let Ok(Err(error)) = published {
                warn!("ConnectionPolicy {name}: an Event cannot be written: {error}");
            }
        }
    }

    /// Tells that an object is as its policy wants it again.
    pub async fn tell_of_repair(&self, object: &DynamicObject, key: &ObjectKey) {
        let owner = object.owner_references().first();
        let policy = ObjectMeta {
            name: owner.map(|owner| owner.name.clone()),
            uid: owner.map(|owner| owner.uid.clone()),
            namespace: object.namespace(),
            ..ObjectMeta::default()
        };
        self.tell(&policy, &[Notice::repaired(&key.to_string())]).await;
    }

    fn api_of(&self, object: &DynamicObject) -> Result<Api<DynamicObject>, Failure> {
        let unknown = || Failure::Refused("it has no kind".to_owned());
        let kind =
            object.types.as_ref().and_then(|types| GroupVersionKind::try_from(types).ok()).ok_or_else(unknown)?;
        let namespace = object.namespace().unwrap_or_default();
        Ok(Api::namespaced_with(self.client.clone(), &namespace, &ApiResource::from_gvk(&kind)))
    }
}

/// NAMESPACE/NAME.
fn name(policy: &ObjectMeta) -> String {
    format!("{}/{}", text(policy.namespace.as_ref()), text(policy.name.as_ref()))
}

fn text(part: Option<&String>) -> &str {
    part.map(String::as_str).unwrap_or_default()
}

async fn apply(api: &Api<DynamicObject>, object: &DynamicObject, force: bool) -> kube::Result<DynamicObject> {
    let parameters = PatchParams { force, ..PatchParams::apply(MANAGER) };
    api.patch(&object.name_any(), &parameters, &Patch::Apply(object)).await
}

/// What the API server answers, if it does.
async fn request<T>(request: impl Future<Output = kube::Result<T>>) -> Result<Result<T, Box<Status>>, Failure> {
    match timeout(PATIENCE, request).await {
        Ok(Ok(done)) => Ok(Ok(done)),
        Ok(Err(kube::Error::Api(status))) if status.code == 429 || status.code >= 500 => {
            Err(Failure::Unavailable(words(&status)))
        }
        Ok(Err(kube::Error::Api(status))) => Ok(Err(status)),
        Ok(Err(error)) => Err(Failure::Unavailable(error.to_string())),
        Err(_) => Err(Failure::Unavailable(format!("the API server did not answer within {PATIENCE:?}"))),
    }
}

fn words(status: &Status) -> String {
    format!("the API server answers {}: {}", status.code, status.message)
}

fn event(notice: &Notice) -> Event {
    Event {
        type_: if notice.is_warning { EventType::Warning } else { EventType::Normal },
        reason: notice.reason.clone(),
        note: Some(notice.note.clone()),
        action: notice.action.to_owned(),
        secondary: None,
    }
}

fn reference(policy: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(ConnectionPolicy::api_version(&()).into_owned()),
        kind: Some(ConnectionPolicy::kind(&()).into_owned()),
        name: policy.name.clone(),
        namespace: policy.namespace.clone(),
        uid: policy.uid.clone(),
        ..ObjectReference::default()
    }
}
