//! YAML in which every mistake has a place.

use super::error::Problem;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use serde_saphyr::Location;

/// What the text says, or the first thing that is wrong with it.
pub fn document<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let mut field = String::new();
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true, budget: budget() };
    let document = serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            field = path(error.path());
            error.into_inner()
        })
    });
    document.map_err(|error| problem(text, &field, &error))
}

/// The library's limits against hostile documents stay, except those that a large cluster needs.
fn budget() -> Option<serde_saphyr::Budget> {
    serde_saphyr::budget! { max_events: 100_000_000, max_nodes: 100_000_000, max_total_scalar_bytes: 1 << 30 }
}

fn problem(text: &str, field: &str, error: &serde_saphyr::Error) -> Problem {
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let field = if field.is_empty() { "the file" } else { field };
    // The library's message ends with the location, which comes first here.
    let message = error.to_string();
    let message = match message.split(" at line ").next().unwrap_or(&message) {
        "invalid i64" => "a whole number is needed",
        "invalid floating point" => "a number is needed",
        "invalid boolean" => "`true` or `false` is needed",
        other => other,
    };
    match found(text, location) {
        Some(found) if !names(message, &found) => Problem::at(location, field, format!("{message}, found `{found}`")),
        _ => Problem::at(location, field, message),
    }
}

/// Whether the message has the value already.
fn names(message: &str, value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    message.starts_with(&format!("{value} ")) || ['"', '`'].iter().any(|q| message.contains(&format!("{q}{value}{q}")))
}

/// The path of a field. Where the deserializer keeps a value's location, it puts it into a field `value`, which the file
/// does not have.
fn path(path: &Path) -> String {
    path.iter().fold(String::new(), |path, segment| match segment {
        Segment::Seq { index } => format!("{path}[{index}]"),
        Segment::Map { key } if key == "value" => path,
        Segment::Map { key } if path.is_empty() => key.clone(),
        segment => format!("{path}.{segment}"),
    })
}

/// The value at the location, or what stands in its place.
fn found(text: &str, location: Location) -> Option<String> {
    let line = text.lines().nth(usize::try_from(location.line()).ok()?.checked_sub(1)?)?;
    let column = usize::try_from(location.column()).ok()?.checked_sub(1)?;
    let ends = |character: &char| !matches!(character, ',' | '}' | ']' | '#');
    let found: String = line.chars().skip(column).take_while(ends).take(80).collect();
    Some(found.trim_end().to_owned()).filter(|found| !found.is_empty())
}
