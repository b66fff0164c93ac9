//! A report as it comes, checked.

use super::refused::Refused;
use crate::model::ServiceName;
use evenkeel_proto::rebalance::{ReportRequest, Signal};
use std::net::IpAddr;
use std::time::Duration;

/// One Envoy holds no more connections than this: each takes tens of kilobytes.
const MOST_CONNECTIONS: u64 = 1 << 24;
/// A million requests per second on each of a thousand connections, in thousandths.
const HIGHEST_REQUEST_RATE: u64 = 1_000_000_000_000;
/// A pod has one address per family; a node may have some more.
const MOST_ADDRESSES: usize = 16;
/// More often than this the filter does not look.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// Longer intervals are cut to this one: a group waits for its slowest member.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// What one Envoy says, with the meanings of the protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The group.
    pub group: ServiceName,
    /// The addresses that the Envoy's pod has, as it says.
    pub addresses: Vec<IpAddr>,
    /// The reporting instance.
    pub instance: u64,
    /// The number of the report.
    pub sequence: u64,
    /// The node id.
    pub node: String,
    /// What it holds and has done.
    pub counters: Counters,
    /// What it is configured to be measured by.
    pub signal: Signal,
    /// The newest directive that it has followed.
    pub revision: u64,
    /// The time between two reports while something moves.
    pub interval: Duration,
    /// The part of its connections that it drains per second at most; `None` if it does not limit that.
    pub max_rate: Option<f64>,
}

/// The numbers of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Open connections that do not drain.
    pub live: u64,
    /// Open connections that drain.
    pub draining: u64,
    /// Connections accepted so far.
    pub accepted: u64,
    /// Connections that were drained on our behalf so far.
    pub drained: u64,
    /// Thousandths of a request per second that those had.
    pub drained_request_rate: u64,
    /// Thousandths of a request per second on live connections.
    pub request_rate: u64,
}

impl TryFrom<&ReportRequest> for Report {
    type Error = Refused;

    fn try_from(request: &ReportRequest) -> Result<Self, Refused> {
        Ok(Self {
            group: group(&request.group)?,
            addresses: addresses(&request.addresses)?,
            instance: at_least_one("instance", request.instance)?,
            sequence: at_least_one("sequence", request.sequence)?,
            node: request.node.clone(),
            counters: counters(request)?,
            signal: request.signal(),
            revision: request.revision,
            interval: interval(request.interval.as_ref())?,
            max_rate: max_rate(request.max_rate)?,
        })
    }
}

fn invalid<T>(field: &str, value: impl std::fmt::Display, remedy: &str) -> Result<T, Refused> {
    Err(Refused::InvalidArgument(format!("{field}: {value}: {remedy}")))
}

fn group(group: &str) -> Result<ServiceName, Refused> {
    match group.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(ServiceName::new(namespace, name))
        }
        _ => invalid("group", format!("{group:?}"), "must be NAMESPACE/NAME of a Service"),
    }
}

fn addresses(addresses: &[String]) -> Result<Vec<IpAddr>, Refused> {
    if addresses.len() > MOST_ADDRESSES {
        return invalid("addresses", addresses.len(), "must be 16 at most");
    }
    let parse = |address: &String| match address.parse::<IpAddr>() {
        Ok(parsed) => Ok(parsed.to_canonical()),
        Err(_) => invalid("addresses", format!("{address:?}"), "must be IPv4 or IPv6 addresses"),
    };
    addresses.iter().map(parse).collect()
}

fn at_least_one(field: &str, value: u64) -> Result<u64, Refused> {
    if value == 0 { invalid(field, value, "must be 1 or more") } else { Ok(value) }
}

fn counters(request: &ReportRequest) -> Result<Counters, Refused> {
    for (field, value) in [("live", request.live), ("draining", request.draining)] {
        if value > MOST_CONNECTIONS {
            return invalid(field, value, "one Envoy cannot hold more than 16777216 connections");
        }
    }
    if request.request_rate > HIGHEST_REQUEST_RATE {
        return invalid("request_rate", request.request_rate, "must be 1000000000000 at most");
    }
    Ok(Counters {
        live: request.live,
        draining: request.draining,
        accepted: request.accepted,
        drained: request.drained,
        drained_request_rate: request.drained_request_rate,
        request_rate: request.request_rate,
    })
}

fn interval(interval: Option<&prost_types::Duration>) -> Result<Duration, Refused> {
    let Some(interval) = interval else { return Ok(DEFAULT_INTERVAL) };
    match Duration::try_from(*interval) {
        Ok(duration) if duration >= SHORTEST_INTERVAL => Ok(duration.min(LONGEST_INTERVAL)),
        _ => invalid("interval", interval, "must be 0.1 s or more"),
    }
}

fn max_rate(rate: f64) -> Result<Option<f64>, Refused> {
    match rate {
        0.0 => Ok(None),
        rate if rate > 0.0 && rate <= 1.0 => Ok(Some(rate)),
        rate => invalid("max_rate", rate, "must be above 0 and up to 1, or 0 for no limit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ReportRequest {
        ReportRequest { group: "default/gateway".to_owned(), instance: 7, sequence: 1, ..ReportRequest::default() }
    }

    #[test]
    fn absent_fields_have_their_meanings() {
        let report = Report::try_from(&request()).unwrap();
        assert_eq!(report.group, ServiceName::new("default", "gateway"));
        assert_eq!((report.interval, report.max_rate), (Duration::from_secs(1), None));
        assert_eq!(report.counters, Counters::default());
    }

    #[test]
    fn a_wrong_value_is_named_with_its_field() {
        type Spoil = fn(&mut ReportRequest);
        let wrong: [(Spoil, &str); 9] = [
            (|r| r.group = "gateway".to_owned(), r#"group: "gateway""#),
            (|r| r.instance = 0, "instance: 0"),
            (|r| r.sequence = 0, "sequence: 0"),
            (|r| r.addresses = vec!["nowhere".to_owned()], r#"addresses: "nowhere""#),
            (|r| r.addresses = vec!["::1".to_owned(); 17], "addresses: 17"),
            (|r| r.live = 1_000_000_000, "live: 1000000000"),
            (|r| r.max_rate = f64::NAN, "max_rate: NaN"),
            (|r| r.max_rate = 1.5, "max_rate: 1.5"),
            (|r| r.interval = Some(prost_types::Duration { seconds: 0, nanos: 1 }), "interval: 0"),
        ];
        for (spoil, message) in wrong {
            let mut request = request();
            spoil(&mut request);
            match Report::try_from(&request) {
                Err(Refused::InvalidArgument(text)) => assert!(text.starts_with(message), "{text}"),
                other => panic!("{message}: {other:?}"),
            }
        }
    }

    #[test]
    fn addresses_are_compared_in_one_form() {
        let request = ReportRequest { addresses: vec!["::ffff:10.0.0.1".to_owned()], ..request() };
        assert_eq!(Report::try_from(&request).unwrap().addresses, ["10.0.0.1".parse::<IpAddr>().unwrap()]);
    }
}
