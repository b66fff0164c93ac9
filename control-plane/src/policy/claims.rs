//! Whether what stands in the way of an object may be overruled.
//!
//! With server-side apply each field has its managers: <https://kubernetes.io/docs/reference/using-api/server-side-apply/>.
//! One who has updated a field has edited what is ours, and that is put right. One who applies it goes on doing so, as a
//! controller that follows a repository does: two of those would write for ever, so a person has to decide.

use super::seen::owner;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt;
use kube::api::DynamicObject;

/// The field manager of what this program applies.
pub const MANAGER: &str = "evenkeel";

/// Why an object must not be overruled that is to belong to the policy of this uid, where these fields are contested;
/// `None` if it may be.
pub fn objection<'a>(live: &DynamicObject, uid: &str, contested: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if owner(live) != Some(uid) {
        let remedy = "delete it, or give the policy another name";
        return Some(format!("an object of this name exists that was not made for this policy: {remedy}"));
    }
    contested.into_iter().find_map(|field| {
        let managers = live.managed_fields().iter().filter(|entry| applies(entry));
        let manager = managers.filter(|entry| has(entry, field)).find_map(|entry| entry.manager.as_deref())?;
        Some(format!("field manager {manager:?} applies {field} as well: remove the object from what it applies"))
    })
}

fn applies(entry: &ManagedFieldsEntry) -> bool {
    entry.operation.as_deref() == Some("Apply") && entry.manager.as_deref() != Some(MANAGER)
}

/// Whether a manager has a field such as `.spec.configPatches`. Of an element of a list it is the list that counts.
fn has(entry: &ManagedFieldsEntry, field: &str) -> bool {
    let list = field.split('[').next().unwrap_or(field);
    let mut names = list.split('.').filter(|name| !name.is_empty());
    let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
    names.try_fold(fields, |fields, name| fields?.get(format!("f:{name}")).map(Some)).flatten().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn live(owner: &str, managers: &[(&str, &str, &str)]) -> DynamicObject {
        let managed: Vec<Value> = managers
            .iter()
            .map(|(manager, operation, field)| {
                let fields = json!({"f:spec": {format!("f:{field}"): {}}});
                json!({"manager": manager, "operation": operation, "fieldsV1": fields})
            })
            .collect();
        let owners = json!([{"apiVersion": "evenkeel.dev/v1alpha1", "kind": "ConnectionPolicy", "name": "caps",
                             "uid": owner, "controller": true}]);
        let metadata = json!({"name": "evenkeel-caps", "ownerReferences": owners, "managedFields": managed});
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    const FIELD: [&str; 1] = [".spec.configPatches"];

    #[test]
    fn an_edit_is_put_right() {
        let edited = live("1", &[("evenkeel", "Apply", "priority"), ("kubectl-edit", "Update", "configPatches")]);
        assert_eq!(objection(&edited, "1", FIELD), None);
    }

    #[test]
    fn what_somebody_else_applies_is_for_people_to_decide() {
        let claimed = live("1", &[("argocd-controller", "Apply", "configPatches")]);
        let why = objection(&claimed, "1", FIELD).unwrap();
        assert!(why.starts_with("field manager \"argocd-controller\" applies .spec.configPatches"), "{why}");
        let elsewhere = live("1", &[("argocd-controller", "Apply", "workloadSelector")]);
        assert_eq!(objection(&elsewhere, "1", FIELD), None);
        assert!(objection(&claimed, "1", [".spec.configPatches[0].applyTo"]).is_some());
    }

    #[test]
    fn what_is_not_ours_is_never_overruled() {
        let foreign = live("2", &[("kubectl-edit", "Update", "configPatches")]);
        assert!(objection(&foreign, "1", FIELD).unwrap().contains("not made for this policy"));
    }
}
