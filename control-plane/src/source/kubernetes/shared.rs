//! One copy of what many objects say.

use ahash::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Values that are kept once, however many objects have them.
#[derive(Debug)]
pub struct Shared<T: ?Sized> {
    values: HashSet<Arc<T>>,
    /// The number of values at which those that nobody uses any more are looked for.
    tidy_at: usize,
}

/// Fewer values are not worth looking for unused ones.
const FEW: usize = 1024;

impl<T: ?Sized + Eq + Hash> Default for Shared<T> {
    fn default() -> Self {
        Self { values: HashSet::default(), tidy_at: FEW }
    }
}

impl<T: ?Sized + Eq + Hash> Shared<T> {
    /// Makes it the one copy of this value.
    pub fn share(&mut self, value: &mut Arc<T>) {
        if let Some(shared) = self.values.get(value) {
            *value = shared.clone();
            return;
        }
        self.tidy();
        self.values.insert(value.clone());
    }

    /// Forgets what nobody uses. Values double before that is done again, so it costs little per value.
    fn tidy(&mut self) {
        if self.values.len() >= self.tidy_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.tidy_at = FEW.max(2 * self.values.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_become_one() {
        let mut shared = Shared::<str>::default();
        let (mut one, mut other, mut different) = (Arc::from("zone"), Arc::from("zone"), Arc::from("other"));
        for value in [&mut one, &mut other, &mut different] {
            shared.share(value);
        }
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(&*different, "other");
    }

    #[test]
    fn what_nobody_uses_is_forgotten() {
        let mut shared = Shared::<str>::default();
        let mut kept: Arc<str> = Arc::from("kept");
        shared.share(&mut kept);
        (0..100 * FEW).for_each(|number| shared.share(&mut Arc::from(number.to_string())));
        assert!(shared.values.len() <= 2 * FEW);
        let mut again: Arc<str> = Arc::from("kept");
        shared.share(&mut again);
        assert!(Arc::ptr_eq(&kept, &again));
    }
}
