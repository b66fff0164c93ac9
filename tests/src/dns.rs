//! A DNS server, for clients that resolve names by themselves.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, ResourceRecord, TYPE};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::envoy::LOOPBACK;

/// Seconds that a client may keep an answer: the least that there is.
const TTL: u32 = 1;

/// A running DNS server; it ends when dropped. Every name has the same IPv4 addresses, and nothing else.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    hosts: Arc<Mutex<Vec<Ipv4Addr>>>,
    task: JoinHandle<()>,
}

impl DnsServer {
    /// Starts it on a free port, over UDP.
    pub async fn start(hosts: &[Ipv4Addr]) -> Result<Self> {
        Self::start_on(LOOPBACK, hosts).await
    }

    /// As [`Self::start`], at this address.
    pub async fn start_on(address: SocketAddr, hosts: &[Ipv4Addr]) -> Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        let address = socket.local_addr()?;
        let hosts = Arc::new(Mutex::new(hosts.to_vec()));
        let task = tokio::spawn(serve(socket, Arc::clone(&hosts)));
        Ok(Self { address, hosts, task })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers with these addresses from now on.
    pub fn set(&self, hosts: &[Ipv4Addr]) {
        *self.hosts.lock().unwrap_or_else(PoisonError::into_inner) = hosts.to_vec();
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, hosts: Arc<Mutex<Vec<Ipv4Addr>>>) {
    let mut buffer = [0; 4096];
    // Receiving fails when an earlier answer found nobody at home.
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let hosts = hosts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Ok(answer) = answer(&buffer[..length], &hosts) {
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

fn answer(query: &[u8], hosts: &[Ipv4Addr]) -> simple_dns::Result<Vec<u8>> {
    let query = Packet::parse(query)?;
    let mut reply = Packet::new_reply(query.id());
    reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_DESIRED);
    for question in query.questions {
        if question.qtype == QTYPE::TYPE(TYPE::A) {
            let record =
                |host: &Ipv4Addr| ResourceRecord::new(question.qname.clone(), CLASS::IN, TTL, RData::A((*host).into()));
            reply.answers.extend(hosts.iter().map(record));
        }
        reply.questions.push(question);
    }
    reply.build_bytes_vec_compressed()
}
