//! What can be wrong with the file.

use serde_saphyr::Location;
use std::fmt;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// The file cannot be read.
    Unreadable(String),
    /// The content is wrong.
    Wrong(Problem),
}

/// A wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: u64,
    /// From 1, in characters.
    pub column: u64,
    /// The path of the field, such as `services[0].ports[1].port`.
    pub field: String,
    /// What is wrong with its value, and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem with the value at this location.
    pub fn at(location: Location, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { line: location.line(), column: location.column(), field: field.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, field, message } = self;
        write!(formatter, "line {line}, column {column}: {field}: {message}")
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => formatter.write_str(reason),
            Self::Wrong(problem) => problem.fmt(formatter),
        }
    }
}

impl std::error::Error for FileError {}
