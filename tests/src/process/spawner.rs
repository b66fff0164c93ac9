//! One thread that starts all children and lives as long as we do.
//!
//! The kernel binds `PR_SET_PDEATHSIG` to the *thread* that started the child; a test's own thread or a runtime's worker
//! may end long before the child should.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;

type Order = (Command, Sender<io::Result<Child>>);

static ORDERS: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (orders, incoming) = channel::<Order>();
    thread::spawn(move || {
        for (mut command, answer) in incoming {
            // Nobody listens any more when the caller has gone: the child is then dropped with the answer.
            let _ = answer.send(command.spawn());
        }
    });
    Mutex::new(orders)
});

/// Starts a command on the spawner thread.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    let (answer, result) = channel();
    let orders = ORDERS.lock().map_err(|_| io::Error::other("the spawner thread has panicked"))?;
    orders.send((command, answer)).map_err(io::Error::other)?;
    drop(orders);
    result.recv().map_err(io::Error::other)?
}
