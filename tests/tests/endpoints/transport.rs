//! The four ways in which Envoy asks for endpoints.

use evenkeel_tests::bootstrap::{Bootstrap, EndpointSource};

/// The cluster of the control plane.
pub const CONTROL_PLANE: &str = "control-plane";

/// A stream for each cluster or one for all; the state of the world or what has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    EdsSotw,
    EdsDelta,
    AdsSotw,
    AdsDelta,
}

impl Transport {
    pub const ALL: [Self; 4] = [Self::EdsSotw, Self::EdsDelta, Self::AdsSotw, Self::AdsDelta];

    pub fn is_aggregated(self) -> bool {
        matches!(self, Self::AdsSotw | Self::AdsDelta)
    }

    pub fn is_delta(self) -> bool {
        matches!(self, Self::EdsDelta | Self::AdsDelta)
    }

    fn api_type(self) -> &'static str {
        if self.is_delta() { "DELTA_GRPC" } else { "GRPC" }
    }

    /// Where a cluster's endpoints come from.
    pub fn source(self) -> EndpointSource {
        if self.is_aggregated() {
            return EndpointSource::Aggregated;
        }
        EndpointSource::Stream { api_type: self.api_type(), cluster: CONTROL_PLANE.to_owned() }
    }

    /// With the aggregated stream, where there is one.
    pub fn complete(self, bootstrap: Bootstrap) -> Bootstrap {
        if self.is_aggregated() { bootstrap.ads(self.api_type(), CONTROL_PLANE) } else { bootstrap }
    }

    /// Envoy's gauge that is 1 while the stream of this cluster is open.
    pub fn connected_stat(self, cluster: &str) -> String {
        let prefix = if self.is_aggregated() { String::new() } else { format!("cluster.{cluster}.") };
        format!("{prefix}control_plane.connected_state")
    }

    /// The control plane's gauge of open streams of this kind.
    pub fn streams_metric(self) -> &'static str {
        match self {
            Self::EdsSotw => "evenkeel_xds_streams{transport=\"eds_sotw\"}",
            Self::EdsDelta => "evenkeel_xds_streams{transport=\"eds_delta\"}",
            Self::AdsSotw => "evenkeel_xds_streams{transport=\"ads_sotw\"}",
            Self::AdsDelta => "evenkeel_xds_streams{transport=\"ads_delta\"}",
        }
    }
}

/// Makes a test of every named function for each Envoy and transport: `envoy_1_37::eds_sotw::it_follows` calls
/// `it_follows(EnvoyVersion::V1_37, Transport::EdsSotw)`.
macro_rules! on_each_transport {
    ($($test:ident),+ $(,)?) => {
        on_each_transport! { @envoy envoy_1_37 V1_37 [$($test)+] }
        on_each_transport! { @envoy envoy_1_40 V1_40 [$($test)+] }
    };
    (@envoy $module:ident $version:ident $tests:tt) => {
        mod $module {
            on_each_transport! { @transport eds_sotw $version EdsSotw $tests }
            on_each_transport! { @transport eds_delta $version EdsDelta $tests }
            on_each_transport! { @transport ads_sotw $version AdsSotw $tests }
            on_each_transport! { @transport ads_delta $version AdsDelta $tests }
        }
    };
    (@transport $module:ident $version:ident $transport:ident [$($test:ident)+]) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() -> anyhow::Result<()> {
                    use crate::endpoints::transport::Transport;
                    super::super::$test(evenkeel_tests::EnvoyVersion::$version, Transport::$transport).await
                }
            )+
        }
    };
}
