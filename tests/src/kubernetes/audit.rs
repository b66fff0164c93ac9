//! The API server's audit log: who asked for what, and how it was answered.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Notes what ServiceAccounts ask for, without bodies.
pub(super) const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, userGroups: ['system:serviceaccounts']}
- {level: None}
";

/// A request as the API server has answered it; a watch is there once when it begins and once more when it ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Such as `list` or `watch`.
    pub verb: String,
    /// The API group, empty for the core group.
    pub group: String,
    /// The resource, such as `pods`; with a subresource `pods/status`. Empty for paths that are none, such as `/version`.
    pub resource: String,
    /// Path and query.
    pub uri: String,
    /// The HTTP status of the answer.
    pub code: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    user: User,
    #[serde(default)]
    object_ref: Object,
    response_status: Status,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Object {
    api_group: String,
    resource: String,
    subresource: String,
}

#[derive(Deserialize)]
struct Status {
    code: u16,
}

/// The requests of one account, in order; a line that is still being written is left out.
pub(super) fn requests_of(account: (&str, &str), log: &Path) -> Result<Vec<Request>> {
    let user = format!("system:serviceaccount:{}:{}", account.0, account.1);
    let text = fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    let events: Vec<Event> = complete.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok(events.into_iter().filter(|event| event.user.username == user).map(Request::from).collect())
}

impl From<Event> for Request {
    fn from(event: Event) -> Self {
        let Object { api_group, mut resource, subresource } = event.object_ref;
        if !subresource.is_empty() {
            resource = format!("{resource}/{subresource}");
        }
        let code = event.response_status.code;
        Self { verb: event.verb, group: api_group, resource, uri: event.request_uri, code }
    }
}
