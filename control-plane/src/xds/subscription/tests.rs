use super::*;
use crate::xds::testing::{CDS, EDS, World, owned};
use crate::xds::{Lookup, Resource, Snapshot};
use std::sync::atomic::{AtomicUsize, Ordering};

const ROOM: usize = 3 << 20;

fn wanting(names: &[&str]) -> Subscription {
    let mut subscription = Subscription::new(EDS);
    subscription.replace(owned(names)).unwrap();
    subscription
}

fn take(subscription: &mut Subscription, snapshot: &Snapshot) -> Vec<String> {
    subscription.refresh(snapshot);
    subscription.take_new(snapshot, ROOM).iter().map(|resource| resource.name().to_owned()).collect()
}

#[test]
fn what_was_taken_is_not_due_again() {
    let world = World::new(EDS, &["a", "b"]);
    let mut subscription = wanting(&["a", "b"]);
    assert_eq!(take(&mut subscription, world.snapshot()), ["a", "b"]);
    assert_eq!(take(&mut subscription, world.snapshot()), [""; 0]);
}

#[test]
fn only_what_changed_is_due() {
    let mut world = World::new(EDS, &["a", "b"]);
    let mut subscription = wanting(&["a", "b"]);
    take(&mut subscription, world.snapshot());
    world.set(EDS, "b", 2);
    assert_eq!(take(&mut subscription, world.snapshot()), ["b"]);
}

#[test]
fn after_more_changes_than_are_remembered_nothing_is_lost() {
    let mut world = World::new(EDS, &["a", "b"]);
    let mut subscription = wanting(&["a", "b", "c"]);
    take(&mut subscription, world.snapshot());
    world.set(EDS, "b", 2);
    world.set(EDS, "c", 1);
    world.age();
    assert_eq!(take(&mut subscription, world.snapshot()), ["b", "c"]);
}

#[test]
fn a_large_response_is_split_and_nothing_is_left_out() {
    let names: Vec<String> = (0..40).map(|number| format!("{number:02}")).collect();
    let mut world = World::new(EDS, &[]);
    for name in &names {
        world.set(EDS, name, 20_000);
    }
    let mut subscription = Subscription::new(EDS);
    subscription.replace(names.clone()).unwrap();
    subscription.refresh(world.snapshot());
    let responses: Vec<_> = std::iter::from_fn(|| {
        let new = subscription.take_new(world.snapshot(), ROOM);
        (!new.is_empty()).then_some(new)
    })
    .collect();
    let size = |new: &Vec<Arc<Resource>>| new.iter().map(|resource| resource.size()).sum::<usize>();
    assert!(responses.len() > 1 && responses.iter().all(|new| size(new) <= ROOM));
    let taken: Vec<&str> = responses.iter().flatten().map(|resource| resource.name()).collect();
    assert_eq!(taken, names);
}

#[test]
fn what_changes_between_two_parts_comes_in_its_newest_form() {
    let mut world = World::new(EDS, &[]);
    for name in ["a", "b"] {
        world.set(EDS, name, 400_000);
    }
    let mut subscription = wanting(&["a", "b"]);
    assert_eq!(take(&mut subscription, world.snapshot()), ["a"]);
    world.set(EDS, "a", 1);
    world.set(EDS, "b", 1);
    assert_eq!(take(&mut subscription, world.snapshot()), ["a", "b"]);
    assert_eq!(subscription.version(), version(&world, "a").and(version(&world, "b")));
}

fn version(world: &World, name: &str) -> Version {
    Version::parse(&world.version(EDS, name)).unwrap()
}

#[test]
fn what_is_gone_is_split_as_well() {
    let mut subscription = Subscription::new(CDS);
    let names: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
    subscription.replace(names.clone()).unwrap();
    let world = World::new(CDS, &[]);
    subscription.refresh(world.snapshot());
    assert_eq!(subscription.take_new(world.snapshot(), ROOM).len(), 0);
    let mut gone = Vec::new();
    while gone.len() < names.len() {
        let part = subscription.take_gone(100);
        assert!((1..=12).contains(&part.len()), "{}", part.len());
        gone.extend(part.iter().map(ToString::to_string));
    }
    assert_eq!(gone, names);
}

#[test]
fn names_are_limited_and_dropping_some_makes_room() {
    let mut subscription = Subscription::new(EDS);
    let long = |number: u32| format!("{number}{}", "x".repeat(1 << 20));
    (0..15).for_each(|number| subscription.update(&[long(number)], &[]).unwrap());
    assert_eq!(subscription.update(&[long(15)], &[]), Err(TooManyNames));
    subscription.update(&[], &[long(0), long(15)]).unwrap();
    assert_eq!(subscription.update(&[long(16)], &[]), Ok(()));
    assert_eq!(subscription.replace((0..20).map(long).collect()), Err(TooManyNames));
}

#[test]
fn names_that_a_returning_client_has_are_limited() {
    let mut subscription = Subscription::new(CDS);
    subscription.update(&[], &[]).unwrap();
    let long = |number: u32| format!("{number}{}", "x".repeat(1 << 20));
    assert_eq!(
        subscription.client_has(&(0..20).map(|number| (long(number), String::new())).collect()),
        Err(TooManyNames)
    );
}

#[test]
fn dropped_under_a_wildcard_names_count_until_the_client_has_its_answer() {
    let mut subscription = Subscription::new(CDS);
    subscription.update(&["*".to_owned()], &[]).unwrap();
    let world = World::new(CDS, &[]);
    let long = |number: u32| format!("{number}{}", "x".repeat(1 << 20));
    let drop_one = |subscription: &mut Subscription, number| {
        subscription.update(&[long(number)], &[])?;
        subscription.update(&[], &[long(number)])
    };
    (0..15).for_each(|number| drop_one(&mut subscription, number).unwrap());
    assert_eq!(drop_one(&mut subscription, 15), Err(TooManyNames));
    subscription.update(&[], &[long(15)]).unwrap();
    take(&mut subscription, world.snapshot());
    subscription.take_gone(usize::MAX);
    assert_eq!(drop_one(&mut subscription, 16), Ok(()));
    subscription.update(&[], &["*".to_owned()]).unwrap();
    assert_eq!(subscription.names.len(), 0);
}

/// Counts how often names are looked up.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl crate::xds::Resources for Counting {
    fn get(&self, _: ResourceType, name: &str) -> Lookup {
        self.0.fetch_add(1, Ordering::Relaxed);
        Lookup::Found(Arc::new(crate::xds::testing::empty(name)))
    }

    fn names(&self, _: ResourceType) -> Vec<String> {
        Vec::new()
    }

    fn lists(&self, _: ResourceType, _: &str) -> bool {
        false
    }
}

#[test]
fn only_names_that_changed_and_are_wanted_are_looked_up() {
    let resources = Arc::new(Counting::default());
    let first = Snapshot::new(resources.clone());
    let names: Vec<String> = (0..1000).map(|number| format!("{number:04}")).collect();
    let mut subscription = Subscription::new(EDS);
    subscription.replace(names).unwrap();
    assert_eq!(take(&mut subscription, &first).len(), 1000);
    assert_eq!(resources.0.swap(0, Ordering::Relaxed), 1000);

    let few = first.next(resources.clone(), ["0007".to_owned(), "unwanted".to_owned()].into());
    take(&mut subscription, &few);
    assert_eq!(resources.0.swap(0, Ordering::Relaxed), 1);

    let many: BTreeSet<String> = (990..9_990).map(|number| format!("{number:04}")).collect();
    take(&mut subscription, &few.next(resources.clone(), many));
    assert_eq!(resources.0.swap(0, Ordering::Relaxed), 10);

    subscription.update(&["new".to_owned()], &[]).unwrap();
    take(&mut subscription, &few);
    assert_eq!(resources.0.swap(0, Ordering::Relaxed), 1001, "an older snapshot says nothing of what has changed");
}

#[test]
fn a_name_and_an_idle_subscription_are_small() {
    assert!(size_of::<(Arc<str>, Name)>() <= 40, "{}", size_of::<(Arc<str>, Name)>());
    assert!(size_of::<Subscription>() <= 256, "{}", size_of::<Subscription>());
}
