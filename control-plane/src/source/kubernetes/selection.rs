//! Which objects are watched.

use super::destination_rule::DestinationRule;
use super::endpoint_slice::EndpointSlice;
use super::kind::{Kind, Scope};
use super::node::Node;
use super::object::{Object, Watched};
use super::peer_authentication::PeerAuthentication;
use super::pod::Pod;
use super::service::Service;
use super::watch::{Event, News, Observed, Watch};
use crate::model::Mesh;
use k8s_openapi::NamespaceResourceScope;
use kube::runtime::watcher::Config;
use kube::{Api, Client, Resource};
use std::collections::BTreeSet;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

/// Which services are followed.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only those in these namespaces; all if there is none.
    pub namespaces: Vec<String>,
    /// Only those with matching labels, as in `kubectl get --selector`. Their slices need not have these labels.
    pub selector: Option<String>,
    /// What the mesh calls things; its policies are looked for.
    pub mesh: Mesh,
}

impl Selection {
    /// The watches that this takes.
    pub fn watches(&self) -> impl Iterator<Item = (Kind, Scope)> {
        Kind::ALL.into_iter().flat_map(|kind| self.scopes(kind).into_iter().map(move |scope| (kind, scope)))
    }

    /// The mesh without its policies.
    pub fn mesh(&self) -> Mesh {
        let narrowed = self.selector.is_some() || !self.namespaces.is_empty();
        Mesh { narrowed, ..self.mesh.clone() }
    }

    fn scopes(&self, kind: Kind) -> Vec<Scope> {
        match &*self.namespaces {
            _ if kind == Kind::Node => vec![Scope::All],
            [] => vec![Scope::All],
            namespaces => {
                // Policies of the root namespace hold everywhere.
                let root = Some(&self.mesh.root_namespace).filter(|_| kind.is_of_istio());
                let namespaces: BTreeSet<_> = namespaces.iter().chain(root).cloned().collect();
                namespaces.into_iter().map(Scope::Namespace).collect()
            }
        }
    }

    /// Starts these watches, each in a task of its own, in which it decodes what it gets. They end with the set.
    pub fn watch(&self, client: &Client, events: &Sender<Event>) -> JoinSet<()> {
        let mut watches = JoinSet::new();
        for (kind, scope) in self.watches() {
            match kind {
                Kind::Service => watches.spawn(self.namespaced::<Service>(client, scope, events).run()),
                Kind::EndpointSlice => watches.spawn(self.namespaced::<EndpointSlice>(client, scope, events).run()),
                Kind::Pod => watches.spawn(self.namespaced::<Pod>(client, scope, events).run()),
                Kind::PeerAuthentication => {
                    watches.spawn(self.namespaced::<PeerAuthentication>(client, scope, events).run())
                }
                Kind::DestinationRule => watches.spawn(self.namespaced::<DestinationRule>(client, scope, events).run()),
                Kind::Node => watches.spawn(self.made::<Node>(Api::all(client.clone()), scope, events).run()),
            };
        }
        watches
    }

    fn namespaced<T: Watched>(&self, client: &Client, scope: Scope, events: &Sender<Event>) -> Watch<T>
    where
        T::Resource: Resource<Scope = NamespaceResourceScope>,
        News: From<Observed<T>>,
    {
        let api = match &scope {
            Scope::All => Api::all(client.clone()),
            Scope::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        };
        self.made(api, scope, events)
    }

    fn made<T: Watched>(&self, api: Api<Object<T>>, scope: Scope, events: &Sender<Event>) -> Watch<T> {
        let label_selector = self.selector.clone().filter(|_| T::KIND == Kind::Service);
        let config = Config { label_selector, ..Config::default().timeout(super::WATCH_SECONDS) };
        Watch { api, config, scope, events: events.clone() }
    }
}
