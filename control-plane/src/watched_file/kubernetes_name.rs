//! Names of Kubernetes objects.

use super::error::Problem;
use serde_saphyr::Spanned;

/// The name, if Kubernetes allows it: names become parts of others, as of resources of EDS.
pub fn kubernetes_name<'a>(name: &'a Spanned<String>, field: &str) -> Result<&'a str, Problem> {
    let text = name.value.as_str();
    let inner = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    let valid =
        (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-');
    valid.then_some(text).ok_or_else(|| {
        let message = format!(
            "{text:?} is no Kubernetes name; use 1 to 63 of a-z, 0-9 and `-`, with a letter or digit at both ends"
        );
        Problem::at(name.referenced, field, message)
    })
}
