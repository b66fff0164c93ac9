//! How far the first lists are.

use super::kind::{Kind, Scope};
use std::collections::BTreeMap;
use std::fmt;

/// What has been listed completely, and why not what has not. Once listed is listed: a list that is taken again later
/// changes nothing here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress(BTreeMap<(Kind, Scope), List>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum List {
    Missing { last_error: Option<String> },
    Complete,
}

impl Progress {
    /// Nothing of all this has been listed yet.
    pub fn new(watches: impl IntoIterator<Item = (Kind, Scope)>) -> Self {
        Self(watches.into_iter().map(|watch| (watch, List::Missing { last_error: None })).collect())
    }

    /// A list is complete. Says whether that was news.
    pub fn listed(&mut self, kind: Kind, scope: &Scope) -> bool {
        self.0.insert((kind, scope.clone()), List::Complete) != Some(List::Complete)
    }

    /// A request failed. Says whether that is news as far as the first lists are concerned.
    pub fn failed(&mut self, kind: Kind, scope: &Scope, error: &str) -> bool {
        match self.0.get_mut(&(kind, scope.clone())) {
            Some(List::Missing { last_error }) if last_error.as_deref() != Some(error) => {
                *last_error = Some(error.to_owned());
                true
            }
            _ => false,
        }
    }

    /// Whether everything has been listed.
    pub fn is_complete(&self) -> bool {
        self.0.values().all(|list| *list == List::Complete)
    }
}

/// For operators, such as `Services: listed; EndpointSlices: not listed yet`.
impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, ((kind, scope), list)) in self.0.iter().enumerate() {
            formatter.write_str(if position == 0 { "" } else { "; " })?;
            write!(formatter, "{kind}s{scope}: {list}")?;
        }
        Ok(())
    }
}

impl fmt::Display for List {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => formatter.write_str("listed"),
            Self::Missing { last_error: None } => formatter.write_str("not listed yet"),
            Self::Missing { last_error: Some(error) } => write!(formatter, "not listed yet: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prod() -> Scope {
        Scope::Namespace("prod".to_owned())
    }

    #[test]
    fn it_is_complete_when_every_list_is() {
        let mut progress = Progress::new([(Kind::Service, prod()), (Kind::Node, Scope::All)]);
        assert!(!progress.is_complete());
        assert!(progress.listed(Kind::Service, &prod()));
        assert!(!progress.is_complete());
        assert!(progress.listed(Kind::Node, &Scope::All));
        assert!(progress.is_complete());
        assert!(!progress.listed(Kind::Node, &Scope::All));
    }

    #[test]
    fn it_says_what_is_missing_and_why() {
        let mut progress =
            Progress::new([(Kind::Service, prod()), (Kind::EndpointSlice, prod()), (Kind::Node, Scope::All)]);
        progress.listed(Kind::Service, &prod());
        assert!(progress.failed(Kind::EndpointSlice, &prod(), "forbidden"));
        assert!(!progress.failed(Kind::EndpointSlice, &prod(), "forbidden"));
        assert_eq!(
            progress.to_string(),
            "Services in prod: listed; EndpointSlices in prod: not listed yet: forbidden; Nodes: not listed yet"
        );
    }

    #[test]
    fn a_failure_after_the_list_takes_nothing_back() {
        let mut progress = Progress::new([(Kind::Service, Scope::All)]);
        progress.listed(Kind::Service, &Scope::All);
        assert!(!progress.failed(Kind::Service, &Scope::All, "gone"));
        assert!(progress.is_complete());
    }
}
