//! Watches on the API server.

use super::backoff::Backoff;
use super::destination_rule::DestinationRule;
use super::endpoint_slice::EndpointSlice;
use super::kind::{Kind, Scope};
use super::name::ObjectName;
use super::node::Node;
use super::object::{Object, Watched};
use super::peer_authentication::PeerAuthentication;
use super::pod::Pod;
use super::service::Service;
use super::store::{State, Update};
use futures::StreamExt;
use http::StatusCode;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Error};
use std::error::Error as _;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// What a watch tells.
#[derive(Debug)]
pub struct Event {
    /// The kind that is watched.
    pub kind: Kind,
    /// Which objects of it.
    pub scope: Scope,
    /// What there is to tell.
    pub news: News,
}

/// News of one kind.
#[derive(Debug)]
pub enum News {
    /// Of services.
    Service(Observed<Service>),
    /// Of slices.
    EndpointSlice(Observed<EndpointSlice>),
    /// Of pods.
    Pod(Observed<Pod>),
    /// Of nodes.
    Node(Observed<Node>),
    /// Of policies.
    PeerAuthentication(Observed<PeerAuthentication>),
    /// Of rules.
    DestinationRule(Observed<DestinationRule>),
    /// A request failed, for this reason. It will be made again.
    Failed(String),
}

/// What was told, and what of it makes no sense.
#[derive(Debug)]
pub struct Observed<T> {
    /// What was told.
    pub update: Update<T>,
    /// The same with only the defects of each object.
    pub defects: Update<Vec<String>>,
}

/// A watch on the objects of one kind and scope.
#[derive(Debug)]
pub struct Watch<T> {
    /// Where they are.
    pub api: Api<Object<T>>,
    /// Which of them, and how they are asked for.
    pub config: watcher::Config,
    /// Which of them, for those who are told.
    pub scope: Scope,
    /// Who is told.
    pub events: mpsc::Sender<Event>,
}

/// Whether a kind that does not exist has been installed meanwhile is asked this often.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Nobody listens any more.
struct Unheard;

impl<T: Watched> Watch<T>
where
    News: From<Observed<T>>,
{
    /// Lists and watches for as long as somebody listens. Whatever goes wrong is told and tried again.
    pub async fn run(self) {
        let mut backoff = Backoff::default();
        let mut exists = !T::KIND.is_of_istio();
        while self.run_until_expired(&mut backoff, &mut exists).await.is_ok() {}
    }

    /// One watcher remembers how far it has got. It goes on asking to watch from there even when the answer is that this
    /// is too long ago (the answer to the request, that is: it does see the event that says so), so it must end then.
    async fn run_until_expired(&self, backoff: &mut Backoff, exists: &mut bool) -> Result<(), Unheard> {
        let mut events = pin!(watcher(self.api.clone(), self.config.clone()));
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    *exists |= matches!(event, watcher::Event::InitDone);
                    self.tell(observed(event).into()).await?;
                }
                // A kind that was there and is not any more is a failure like others: what is known of it stays.
                Err(error) if !*exists && is_not_found(&error) => {
                    self.tell(Observed { update: Update::Restarted, defects: Update::Restarted }.into()).await?;
                    self.tell(Observed { update: Update::ListComplete, defects: Update::ListComplete }.into()).await?;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(error) => {
                    self.tell(News::Failed(reason(&error))).await?;
                    tokio::time::sleep(backoff.failed(Instant::now(), rand::random())).await;
                    if is_expired(&error) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    async fn tell(&self, news: News) -> Result<(), Unheard> {
        let event = Event { kind: T::KIND, scope: self.scope.clone(), news };
        self.events.send(event).await.map_err(|_| Unheard)
    }
}

fn observed<T: Watched>(event: watcher::Event<Object<T>>) -> Observed<T> {
    let (update, defects) = match event {
        watcher::Event::Init => (Update::Restarted, Update::Restarted),
        watcher::Event::InitDone => (Update::ListComplete, Update::ListComplete),
        watcher::Event::InitApply(object) => read(object, Update::Listed, Update::Listed),
        watcher::Event::Apply(object) => read(object, Update::Applied, Update::Applied),
        watcher::Event::Delete(object) => (Update::Deleted(object.name()), Update::Deleted(object.name())),
    };
    Observed { update, defects }
}

type Read<T> = fn(ObjectName, State<T>) -> Update<T>;

fn read<T: Watched>(
    object: Object<T>,
    update: Read<T>,
    defects: Read<Vec<String>>,
) -> (Update<T>, Update<Vec<String>>) {
    let name = object.name();
    let found = if object.defects.is_empty() { State::Irrelevant } else { State::Known(object.defects) };
    (update(name.clone(), object.state), defects(name, found))
}

/// The kind does not exist in this cluster.
pub(crate) fn is_not_found(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::InitialListFailed(Error::Api(status)) if status.code == StatusCode::NOT_FOUND.as_u16())
}

pub(crate) fn is_expired(error: &watcher::Error) -> bool {
    let gone = StatusCode::GONE.as_u16();
    matches!(error, watcher::Error::WatchStartFailed(Error::Api(status)) if status.code == gone)
}

/// The error in words. What the API server says comes first.
pub(crate) fn reason(error: &watcher::Error) -> String {
    use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(Error::Api(status)) | WatchStartFailed(Error::Api(status)) | WatchError(status) => {
            format!("the API server answers {}: {}{}", status.code, status.message, remedy(status.code))
        }
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => causes(error),
        NoResourceVersion => error.to_string(),
    }
}

fn remedy(code: u16) -> &'static str {
    match code {
        401 => "; check the token or certificate",
        403 => "; grant list and watch",
        _ => "",
    }
}

/// The error and what caused it, each once.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

macro_rules! news_of {
    ($($kind:ident),+) => {
        $(impl From<Observed<$kind>> for News {
            fn from(observed: Observed<$kind>) -> Self {
                Self::$kind(observed)
            }
        })+
    };
}

news_of!(Service, EndpointSlice, Pod, Node, PeerAuthentication, DestinationRule);
