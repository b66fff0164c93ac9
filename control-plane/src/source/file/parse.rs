//! From the file's text to services.

use super::validate::services;
use crate::model::Services;
use crate::watched_file::{Problem, document};

/// The services that the text describes, or the first thing that is wrong with it.
pub fn parse(text: &str) -> Result<Services, Problem> {
    services(&document(text)?)
}
