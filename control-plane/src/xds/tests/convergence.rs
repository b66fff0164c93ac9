//! Whatever a client and the world do in whatever order, in the end the client has what it wants in its newest version;
//! on the way nothing is sent that it has already and has not asked for again.

mod delta;
mod holding;
mod sotw;

use crate::xds::ResourceType;
use crate::xds::testing::World;
use holding::Holding;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// `~d` is not among those that a wildcard stands for.
const NAMES: [&str; 4] = ["a", "b", "c", "~d"];

#[derive(Clone, Debug)]
enum Step {
    Client(ResourceType, Wish),
    World(ResourceType, Change),
    /// So much happens that nobody remembers what has changed.
    Age,
    /// The transport takes one response, if one is due. The client accepts it or not.
    Take {
        accepts: bool,
    },
    Reconnect,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Name(&'static str),
    NotName(&'static str),
    All,
    NotAll,
    /// What it wanted already, or, at first, all resources in the older way.
    Nothing,
}

#[derive(Clone, Debug)]
enum Change {
    Set(&'static str, u32),
    Remove(&'static str),
    Decline(&'static str),
}

/// A client that keeps what it is sent.
trait Client {
    fn wish(&mut self, resource_type: ResourceType, wish: Wish);

    /// Takes a response, if one is due.
    fn take(&mut self, world: &World, accepts: bool) -> bool;

    /// Opens another stream and asks for the same.
    fn reconnect(&mut self);

    fn holdings(&self) -> &BTreeMap<ResourceType, Holding>;

    /// Whether the client is told what is gone of this type.
    fn is_told_what_is_gone(resource_type: ResourceType) -> bool;
}

fn run<C: Client>(mut client: C, steps: &[Step]) {
    let mut world = World::new(ResourceType::Cluster, &NAMES);
    for step in steps {
        match step {
            Step::Client(resource_type, wish) => client.wish(*resource_type, *wish),
            Step::World(resource_type, change) => change.apply(*resource_type, &mut world),
            Step::Age => world.age(),
            Step::Take { accepts } => drop(client.take(&world, *accepts)),
            Step::Reconnect => client.reconnect(),
        }
    }
    // As many responses as anything can be due, and not one more.
    let most = (0..100).take_while(|_| client.take(&world, true)).count();
    assert!(most < 100, "it never ends");
    for (resource_type, holding) in client.holdings() {
        holding.check(*resource_type, C::is_told_what_is_gone(*resource_type), &world);
    }
}

impl Change {
    fn apply(&self, resource_type: ResourceType, world: &mut World) {
        match self {
            Self::Set(name, content) => world.set(resource_type, name, *content),
            Self::Remove(name) => world.remove(resource_type, name),
            Self::Decline(name) => world.decline(resource_type, name, "not now"),
        }
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn resource_type() -> impl Strategy<Value = ResourceType> {
    prop::sample::select(&ResourceType::ALL[..])
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        4 => name().prop_map(Wish::Name),
        3 => name().prop_map(Wish::NotName),
        2 => Just(Wish::All),
        1 => Just(Wish::NotAll),
        2 => Just(Wish::Nothing),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        5 => (name(), 1u32..4).prop_map(|(name, content)| Change::Set(name, content)),
        3 => name().prop_map(Change::Remove),
        1 => name().prop_map(Change::Decline),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (resource_type(), wish()).prop_map(|(resource_type, wish)| Step::Client(resource_type, wish)),
        10 => (resource_type(), change()).prop_map(|(resource_type, change)| Step::World(resource_type, change)),
        10 => any::<bool>().prop_map(|accepts| Step::Take { accepts }),
        1 => Just(Step::Age),
        1 => Just(Step::Reconnect),
    ]
}

proptest! {
    #[test]
    fn a_delta_client_ends_with_what_it_wants(steps in prop::collection::vec(step(), 0..100)) {
        run(delta::Delta::new(), &steps);
    }

    #[test]
    fn a_sotw_client_ends_with_what_it_wants(steps in prop::collection::vec(step(), 0..100)) {
        run(sotw::Sotw::new(), &steps);
    }
}
