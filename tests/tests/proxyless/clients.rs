//! The clients that the tests run with.

/// Makes a test of every named function for each client: `grpc_go::it_follows` calls `it_follows(Client::GrpcGo)`.
macro_rules! with_each_client {
    ($($test:ident),+ $(,)?) => {
        with_each_client! { @client grpc_go GrpcGo [$($test)+] }
        with_each_client! { @client grpcio Grpcio [$($test)+] }
    };
    (@client $module:ident $client:ident [$($test:ident)+]) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() -> anyhow::Result<()> {
                    super::$test(evenkeel_tests::client::Client::$client).await
                }
            )+
        }
    };
}
