//! What the program listens on.

use crate::xds::server::bind;
use anyhow::Context;
use serde::Serialize;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::thread;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tracing::info;

/// The ports of this process.
pub struct Listeners {
    /// xDS, and reports.
    pub xds: TcpListener,
    /// For operators and probes.
    pub admin: TcpListener,
    /// For those who fetch the filter; `None` when there is none to serve.
    pub filter: Option<TcpListener>,
}

#[derive(Serialize)]
struct Addresses {
    xds: SocketAddr,
    admin: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<SocketAddr>,
}

impl Listeners {
    /// Prints what is listened on, for whoever started the process.
    pub fn say_addresses(&self) -> anyhow::Result<()> {
        let filter = self.filter.as_ref().map(TcpListener::local_addr).transpose()?;
        let addresses = Addresses { xds: self.xds.local_addr()?, admin: self.admin.local_addr()?, filter };
        let mut stdout = io::stdout();
        writeln!(stdout, "{}", serde_json::to_string(&addresses)?)?;
        stdout.flush()?;
        info!(xds = %addresses.xds, admin = %addresses.admin, filter = ?addresses.filter, "serving");
        Ok(())
    }
}

/// Listens on the address of a flag.
pub fn listen(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    bind(address).with_context(|| format!("cannot listen on {flag} {address}; is another process using it?"))
}

/// So that probes are answered, and the filter is there, while thousands of proxies connect at one time.
pub fn serve_on_its_own_thread<Served>(
    name: &str,
    listener: TcpListener,
    serve: impl FnOnce(TcpListener) -> Served + Send + 'static,
) -> anyhow::Result<()>
where
    Served: Future<Output = io::Result<()>>,
{
    let listener = listener.into_std()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let serve = async move || serve(TcpListener::from_std(listener)?).await;
    thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(serve()))?;
    Ok(())
}
