//! What is found.

use serde::{Serialize, Serializer};
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// It works, and will not some day, or works less well than it could.
    Warning,
    /// It does not work, or requests fail.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One kind of finding. Codes are stable: a new kind gets a new one, and the code of a kind that is gone is not used again.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Such as `EK0101`; the first two digits are the area.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is found, in a few words.
    pub title: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What to change.
    pub remedy: &'static str,
}

/// A fault at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub rule: &'static Rule,
    /// Where it is.
    pub place: Place,
    /// What was seen there.
    pub message: String,
}

impl Rule {
    /// A fault of this kind.
    pub fn at(&'static self, place: &Place, message: impl Into<String>) -> Finding {
        Finding { rule: self, place: place.clone(), message: message.into() }
    }
}

/// What scripts read.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { rule, place, message } = self;
        let &Rule { code, severity, title, why, remedy } = *rule;
        Written { code, severity, title, place, message, why, remedy }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct Written<'a> {
    code: &'static str,
    severity: Severity,
    title: &'static str,
    place: &'a Place,
    message: &'a str,
    why: &'static str,
    remedy: &'static str,
}

/// Where something is; what does not apply is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// A manifest: kind, namespace, name and path of the field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// A listener.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub listener: String,
    /// One of its filter chains: the name, or the position from 0.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter_chain: String,
    /// A filter, or the discovered configuration of that name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// A cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
}

impl Place {
    /// A cluster.
    pub fn cluster(name: &str) -> Self {
        Self { cluster: name.to_owned(), ..Self::default() }
    }

    /// A listener.
    pub fn listener(name: &str) -> Self {
        Self { listener: name.to_owned(), ..Self::default() }
    }

    /// A discovered configuration.
    pub fn extension(name: &str) -> Self {
        Self { filter: name.to_owned(), ..Self::default() }
    }

    /// A filter of this place.
    #[must_use]
    pub fn filter(&self, name: &str) -> Self {
        Self { filter: name.to_owned(), ..self.clone() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("", &self.manifest),
            ("listener ", &self.listener),
            ("filter chain ", &self.filter_chain),
            ("filter ", &self.filter),
            ("cluster ", &self.cluster),
        ];
        let named = parts.iter().filter(|(_, name)| !name.is_empty());
        let text = named.map(|(kind, name)| format!("{kind}{name}")).collect::<Vec<_>>().join(", ");
        formatter.pad(if text.is_empty() { "Envoy" } else { &text })
    }
}

/// Declares kinds of findings, and all of an area as `RULES`.
macro_rules! rules {
    ($($name:ident $code:literal $severity:ident $title:literal $why:literal $remedy:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: $crate::check::Rule = $crate::check::Rule {
                code: $code,
                severity: $crate::check::Severity::$severity,
                title: $title,
                why: $why,
                remedy: $remedy,
            };
        )*
        /// All of this area.
        pub static RULES: &[&$crate::check::Rule] = &[$(&$name),*];
    };
}

pub(in crate::check) use rules;
