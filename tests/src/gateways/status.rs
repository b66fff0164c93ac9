//! What a control plane says of the group.

use anyhow::{Result, ensure};
use evenkeel::rebalance::GroupStatus;
use serde::Deserialize;

use super::service::{NAMESPACE, SERVICE};
use crate::control_plane::ControlPlane;
use crate::http_get;

#[derive(Deserialize)]
struct Groups {
    groups: Vec<GroupStatus>,
}

/// The group of the gateways; `None` while nobody has reported.
///
/// # Errors
/// When it does not answer.
pub async fn of(control_plane: &ControlPlane) -> Result<Option<GroupStatus>> {
    let (status, body) = http_get::get(control_plane.admin(), "/v1/groups").await?;
    ensure!(status.is_success(), "/v1/groups answers {status}: {body}");
    let Groups { groups } = serde_json::from_str(&body)?;
    let name = format!("{NAMESPACE}/{SERVICE}");
    Ok(groups.into_iter().find(|group| group.group == name))
}
