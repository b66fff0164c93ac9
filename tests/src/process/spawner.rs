//! One thread that starts all children and lives as long as we do.
//!
//! The kernel binds `PR_SET_PDEATHSIG` to the *thread* that started the child; a test's own thread or a runtime's worker
//! may end long before the child should.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;

use anyhow::{Context, Result, anyhow};

use crate::network::Namespace;

struct Order {
    command: Command,
    namespace: Namespace,
    answer: Sender<Result<Child>>,
}

impl Order {
    fn carry_out(mut self) {
        let child = self.namespace.enter().and_then(|()| Ok(self.command.spawn()?));
        // Nobody listens any more when the caller has gone: the child is then dropped with the answer.
        let _ = self.answer.send(child);
    }
}

static ORDERS: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (orders, incoming) = channel::<Order>();
    thread::spawn(move || incoming.into_iter().for_each(Order::carry_out));
    Mutex::new(orders)
});

/// Starts a command on the spawner thread, in the network namespace of the caller's.
pub(super) fn spawn(command: Command) -> Result<Child> {
    let (answer, result) = channel();
    let order = Order { command, namespace: Namespace::of_this_thread()?, answer };
    let orders = ORDERS.lock().map_err(|_| anyhow!("the spawner thread has panicked"))?;
    orders.send(order).map_err(io::Error::other)?;
    drop(orders);
    result.recv().context("the spawner thread has ended")?
}
