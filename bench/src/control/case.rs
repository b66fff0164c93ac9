//! Which loads are measured.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::Serialize;

/// The namespace of all groups.
pub const NAMESPACE: &str = "bench";
/// Connections of each proxy: even, so that nothing moves.
pub const CONNECTIONS: u64 = 50;

/// Whether proxies report rarely or often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Everything is even: every ten seconds.
    Calm,
    /// Every second, as while connections move or are about to.
    Active,
}

/// One load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// All proxies.
    pub proxies: u32,
    /// Groups that they are in, of one size.
    pub groups: u32,
    /// How often they report.
    pub pace: Pace,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self { proxies: 10_000, groups: 100, pace: Pace::Calm },
        Self { proxies: 10_000, groups: 1, pace: Pace::Calm },
        Self { proxies: 1_000, groups: 10, pace: Pace::Active },
    ];

    /// One that is over soon.
    pub const FEW: [Self; 1] = [Self { proxies: 100, groups: 1, pace: Pace::Active }];

    /// After the last connection: every proxy has then reported a second time, at the interval that it was told.
    pub const fn warm_up(&self) -> Duration {
        match self.pace {
            Pace::Calm => Duration::from_secs(22),
            Pace::Active => Duration::from_secs(3),
        }
    }

    /// What the control plane may take of one core, in percent.
    pub const fn goal(&self) -> f64 {
        match self.pace {
            Pace::Calm => 10.0,
            Pace::Active => 15.0,
        }
    }

    /// What its groups have to say while they are measured.
    pub const fn state(&self) -> &'static str {
        match self.pace {
            Pace::Calm => "Balanced",
            Pace::Active => "Settling",
        }
    }

    /// The group of a proxy, by its name.
    pub fn group(&self, proxy: u32) -> String {
        format!("gateway-{}", proxy % self.groups)
    }

    /// The services, as `--file` takes them.
    pub fn services(&self) -> String {
        let mut text = "services:\n".to_owned();
        for group in 0..self.groups {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "- name: gateway-{group}\n  namespace: {NAMESPACE}\n  ports: [{{port: 80}}]\n  endpoints:"
            );
            for proxy in (group..self.proxies).step_by(self.groups as usize) {
                let _ = writeln!(text, "  - {{address: {}}}", address(proxy));
            }
        }
        text
    }

    /// The policies, as `--policies` takes them. What has just changed is active for as long as it has to settle.
    pub fn policies(&self) -> String {
        let settle = if self.pace == Pace::Calm { "10s" } else { "1h" };
        let mut text = "policies:\n".to_owned();
        for group in 0..self.groups {
            let _ = writeln!(
                text,
                "- {{namespace: {NAMESPACE}, service: gateway-{group}, rebalance: {{settle: {settle}}}}}"
            );
        }
        text
    }
}

/// The address of a proxy's pod, on the loopback network.
pub fn address(proxy: u32) -> IpAddr {
    let [_, _, high, low] = proxy.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proxy_is_an_endpoint_of_its_group() {
        let case = Case { proxies: 5, groups: 2, pace: Pace::Calm };
        let services = case.services();
        assert_eq!(services.matches("- {address:").count(), 5);
        let (first, second) = services.split_once("gateway-1").unwrap();
        assert!(first.contains(&address(4).to_string()) && second.contains(&address(3).to_string()));
        assert_eq!((case.group(4), case.group(3)), ("gateway-0".to_owned(), "gateway-1".to_owned()));
    }
}
