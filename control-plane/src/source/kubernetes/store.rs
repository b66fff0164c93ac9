//! The objects of one kind, as a watch tells of them.

use super::kind::Scope;
use super::name::ObjectName;
use ahash::HashMap;

/// What a watch tells. `Restarted`, any number of `Listed`, `ListComplete` is a new list, which takes effect as a whole:
/// what is not in it is gone, also if nobody said so. A list that is cut off by another `Restarted` never happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update<T> {
    /// An object was made or changed.
    Applied(ObjectName, State<T>),
    /// An object is gone.
    Deleted(ObjectName),
    /// A new list begins.
    Restarted,
    /// An object is in the new list.
    Listed(ObjectName, State<T>),
    /// The new list is complete.
    ListComplete,
}

/// What an object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State<T> {
    /// This.
    Known(T),
    /// Nothing that matters here.
    Irrelevant,
    /// It is there but makes no sense: what it said before, if anything, stays.
    Malformed,
}

/// An object that is not what it was.
#[derive(Debug, PartialEq, Eq)]
pub struct Change<T> {
    /// Its name.
    pub name: ObjectName,
    /// What it was; `None` if it is new.
    pub before: Option<T>,
}

/// The objects of one kind by name.
#[derive(Debug)]
pub struct Store<T> {
    objects: HashMap<ObjectName, T>,
    /// Lists that are not complete yet, by what they are a list of.
    lists: HashMap<Scope, HashMap<ObjectName, T>>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { objects: HashMap::default(), lists: HashMap::default() }
    }
}

impl<T: Clone + PartialEq> Store<T> {
    /// The object of this name.
    pub fn get(&self, name: &ObjectName) -> Option<&T> {
        self.objects.get(name)
    }

    /// All objects, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectName, &T)> {
        self.objects.iter()
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Takes in what the watch of this scope tells, and says what is different now.
    pub fn update(&mut self, scope: &Scope, update: Update<T>) -> Vec<Change<T>> {
        match update {
            Update::Applied(name, State::Known(object)) => self.apply(name, object).into_iter().collect(),
            Update::Applied(name, State::Irrelevant) | Update::Deleted(name) => self.delete(name).into_iter().collect(),
            Update::Restarted => self.restart(scope),
            Update::Listed(name, state) => self.list(scope, name, state),
            Update::ListComplete => self.complete(scope),
            Update::Applied(_, State::Malformed) => Vec::new(),
        }
    }

    fn apply(&mut self, name: ObjectName, object: T) -> Option<Change<T>> {
        if self.objects.get(&name) == Some(&object) {
            return None;
        }
        let before = self.objects.insert(name.clone(), object);
        Some(Change { name, before })
    }

    fn delete(&mut self, name: ObjectName) -> Option<Change<T>> {
        let before = self.objects.remove(&name)?;
        Some(Change { name, before: Some(before) })
    }

    fn restart(&mut self, scope: &Scope) -> Vec<Change<T>> {
        self.lists.insert(scope.clone(), HashMap::default());
        Vec::new()
    }

    fn list(&mut self, scope: &Scope, name: ObjectName, state: State<T>) -> Vec<Change<T>> {
        let object = match state {
            State::Known(object) => Some(object),
            State::Irrelevant => None,
            State::Malformed => self.objects.get(&name).cloned(),
        };
        if let Some((list, object)) = self.lists.get_mut(scope).zip(object) {
            list.insert(name, object);
        }
        Vec::new()
    }

    fn complete(&mut self, scope: &Scope) -> Vec<Change<T>> {
        let Some(list) = self.lists.remove(scope) else { return Vec::new() };
        let unlisted = |name: &&ObjectName| scope.contains(&name.namespace) && !list.contains_key(name);
        let gone: Vec<ObjectName> = self.objects.keys().filter(unlisted).cloned().collect();
        // The first list fills an empty store.
        self.objects.reserve(list.len().saturating_sub(self.objects.len()));
        let mut changes: Vec<Change<T>> = gone.into_iter().filter_map(|name| self.delete(name)).collect();
        changes.extend(list.into_iter().filter_map(|(name, object)| self.apply(name, object)));
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prod() -> Scope {
        Scope::Namespace("prod".to_owned())
    }

    fn name(text: &str) -> ObjectName {
        let (namespace, name) = text.split_once('/').unwrap();
        ObjectName::new(namespace, name)
    }

    fn apply(store: &mut Store<u8>, text: &str, object: u8) {
        store.update(&Scope::All, Update::Applied(name(text), State::Known(object)));
    }

    fn list(store: &mut Store<u8>, scope: &Scope, text: &str, object: u8) {
        assert_eq!(store.update(scope, Update::Listed(name(text), State::Known(object))), []);
    }

    fn names(changes: Vec<Change<u8>>) -> Vec<(String, Option<u8>)> {
        let mut names: Vec<_> = changes.into_iter().map(|change| (change.name.to_string(), change.before)).collect();
        names.sort();
        names
    }

    #[test]
    fn a_list_takes_effect_as_a_whole_and_finds_what_was_deleted_meanwhile() {
        let mut store = Store::default();
        for (text, object) in [("prod/same", 1), ("prod/changed", 1), ("prod/gone", 1)] {
            apply(&mut store, text, object);
        }
        store.update(&Scope::All, Update::Restarted);
        for (text, object) in [("prod/same", 1), ("prod/changed", 2), ("prod/new", 1)] {
            list(&mut store, &Scope::All, text, object);
            assert_eq!(store.get(&name("prod/changed")), Some(&1), "not before the list is complete");
        }
        let changes = names(store.update(&Scope::All, Update::ListComplete));
        let of = |name: &str, before| (format!("prod/{name}"), before);
        assert_eq!(changes, [of("changed", Some(1)), of("gone", Some(1)), of("new", None)]);
        assert_eq!((store.len(), store.get(&name("prod/gone"))), (3, None));
    }

    #[test]
    fn a_list_of_one_namespace_says_nothing_of_others() {
        let mut store = Store::default();
        apply(&mut store, "prod/gone", 1);
        apply(&mut store, "test/other", 1);
        store.update(&prod(), Update::Restarted);
        let changes = names(store.update(&prod(), Update::ListComplete));
        assert_eq!(changes, [("prod/gone".to_owned(), Some(1))]);
        assert_eq!(store.get(&name("test/other")), Some(&1));
    }

    #[test]
    fn a_list_that_was_cut_off_never_happened() {
        let mut store = Store::default();
        store.update(&Scope::All, Update::Restarted);
        list(&mut store, &Scope::All, "prod/seen-first", 1);
        store.update(&Scope::All, Update::Restarted);
        list(&mut store, &Scope::All, "prod/seen-later", 1);
        assert_eq!(names(store.update(&Scope::All, Update::ListComplete)), [("prod/seen-later".to_owned(), None)]);
    }
}
