//! What no client can do to a stream, whatever bytes it sends: the body of the fuzz targets in `fuzz/`, which is also run
//! over random and mutated bytes by an ordinary test.

use super::{DiscoveryStream, Lookup, Resource, ResourceType, Resources, Snapshot};
use evenkeel_proto::google::protobuf::Any;
use prost::Message;
use std::sync::Arc;

/// With the few small resources that there are, a stream has less to say than this many responses before it is silent.
const MOST_RESPONSES: usize = 64;

/// Plays a script to a stream. A step is a byte for what happens and one for how much: something changes, a response is
/// taken, or a message of that many bytes comes in. A message that cannot be decoded and one that is rejected end the
/// stream, as in the server.
///
/// # Panics
///
/// If a stream never comes to rest, or remembers more names than the script has bytes.
pub fn play<S>(mut stream: S, script: &[u8])
where
    S: DiscoveryStream<Request: Message + Default>,
{
    let mut snapshot = Snapshot::new(Arc::new(Few(0)));
    let mut rest = script;
    while let [step, amount, after @ ..] = rest {
        rest = after;
        match step % 4 {
            0 => snapshot = changed(&snapshot, *amount),
            1 => drop(stream.respond(&snapshot)),
            _ => {
                let (message, after) = rest.split_at(usize::from(*amount).min(rest.len()));
                rest = after;
                let Ok(message) = S::Request::decode(message) else { break };
                if stream.request(message).is_err() {
                    break;
                }
            }
        }
    }
    let responses = (0..=MOST_RESPONSES).take_while(|_| stream.respond(&snapshot).is_some()).count();
    assert!(responses <= MOST_RESPONSES, "the stream never comes to rest");
    let names: usize = stream.status().iter().map(|status| status.names + status.declined.len()).sum();
    assert!(names <= 2 * script.len() + Few::NAMES.len(), "{names} names of {} bytes", script.len());
}

/// The next snapshot, in which one name or all may differ.
fn changed(snapshot: &Snapshot, seed: u8) -> Snapshot {
    let name = Few::NAMES[usize::from(seed) % Few::NAMES.len()].to_owned();
    let changed = if seed > 200 { Few::NAMES.map(str::to_owned).into() } else { [name].into() };
    snapshot.next(Arc::new(Few(seed)), changed)
}

/// A few resources of every type. Whether one is there, is declined, and what it is, depends on the seed.
#[derive(Debug)]
struct Few(u8);

impl Few {
    const NAMES: [&str; 4] = ["", "*", "a", "b"];

    /// Only clusters have assignments; that others say so as well must do no harm.
    fn resource(&self, resource_type: ResourceType, name: &str) -> Arc<Resource> {
        let content = Any { type_url: name.to_owned(), value: vec![self.0 % 3].into() };
        Arc::new(Resource::new(name.to_owned(), resource_type, &content).with_assignment(name))
    }
}

impl Resources for Few {
    fn get(&self, resource_type: ResourceType, name: &str) -> Lookup {
        let has_answer = resource_type == ResourceType::ClusterLoadAssignment || Self::NAMES.contains(&name);
        match self.0 % 5 {
            0 if name == "a" => Lookup::Declined("not now".into()),
            1 if resource_type != ResourceType::ClusterLoadAssignment => Lookup::Absent,
            _ if has_answer => Lookup::Found(self.resource(resource_type, name)),
            _ => Lookup::Absent,
        }
    }

    fn names(&self, resource_type: ResourceType) -> Vec<String> {
        let names = Self::NAMES.iter().filter(|name| self.lists(resource_type, name));
        names.map(ToString::to_string).collect()
    }

    fn lists(&self, _: ResourceType, name: &str) -> bool {
        matches!(name, "a" | "b")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xds::testing::{DeltaClient, SotwClient, wrong};
    use crate::xds::{DeltaStream, Scope, SotwStream};
    use evenkeel_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
    use proptest::prelude::*;

    /// Steps that are all well formed.
    fn script(messages: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
        messages.flat_map(|message| [vec![2, message.len() as u8], message, vec![1, 0, 0, 7]].concat()).collect()
    }

    fn sotw_script() -> Vec<u8> {
        let lists: [&[&str]; 6] = [&[], &["*"], &["a", "b"], &["b", "missing"], &["a", "*"], &[]];
        let nonces = [("", None), ("1", None), ("2", wrong()), ("1", wrong())];
        let client = SotwClient::new();
        let requests = ResourceType::ALL.into_iter().flat_map(|resource_type| {
            let lists = lists.iter().zip(nonces.iter().cycle());
            let requests = lists.map(|(names, (nonce, error_detail))| DiscoveryRequest {
                response_nonce: (*nonce).to_owned(),
                error_detail: error_detail.clone(),
                ..client.request(resource_type, names)
            });
            requests.collect::<Vec<_>>()
        });
        script(requests.map(|request| request.encode_to_vec()))
    }

    fn delta_script() -> Vec<u8> {
        let lists: [&[&str]; 5] = [&[], &["*"], &["a", "b"], &["missing"], &["a", "*"]];
        let requests = ResourceType::ALL.into_iter().flat_map(|resource_type| {
            let pairs = lists.iter().zip(lists.iter().cycle().skip(2));
            let requests = pairs.map(|(more, less)| DeltaDiscoveryRequest {
                initial_resource_versions: [("a".to_owned(), "0123456789abcdef".to_owned())].into(),
                ..DeltaClient::request(resource_type, more, less)
            });
            requests.collect::<Vec<_>>()
        });
        script(requests.map(|request| request.encode_to_vec()))
    }

    fn play_both(script: &[u8]) {
        play(SotwStream::new(Scope::Aggregated), script);
        play(DeltaStream::new(Scope::Aggregated), script);
        play(SotwStream::new(Scope::Single(ResourceType::ClusterLoadAssignment)), script);
        play(DeltaStream::new(Scope::Single(ResourceType::Listener)), script);
    }

    fn mutated(script: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
        let mutations = prop::collection::vec((0..script.len(), any::<u8>()), 0..8);
        (mutations, 0..script.len()).prop_map(move |(mutations, cut)| {
            let mut script = script.clone();
            for (at, byte) in mutations {
                script[at] = byte;
            }
            script.rotate_left(cut / 8);
            script
        })
    }

    #[test]
    fn well_formed_scripts_are_played_to_their_end() {
        let played = |script: &[u8]| {
            let mut stream = SotwStream::new(Scope::Aggregated);
            let mut steps = 0;
            let mut rest = script;
            while let [2, length, after @ ..] = rest {
                let (message, after) = after.split_at(usize::from(*length));
                stream.request(DiscoveryRequest::decode(message).unwrap()).unwrap();
                (steps, rest) = (steps + 1, &after[4..]);
            }
            steps
        };
        assert_eq!(played(&sotw_script()), 24);
        play_both(&sotw_script());
        play_both(&delta_script());
    }

    proptest! {
        #[test]
        fn no_bytes_harm_a_stream(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            play_both(&bytes);
        }

        #[test]
        fn no_mutated_sotw_requests_harm_a_stream(script in mutated(sotw_script())) {
            play_both(&script);
        }

        #[test]
        fn no_mutated_delta_requests_harm_a_stream(script in mutated(delta_script())) {
            play_both(&script);
        }
    }
}
