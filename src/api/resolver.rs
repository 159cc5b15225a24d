//! The system's resolver, for the HTTP library: that one's own panics where the system grants no
//! thread.

use std::net::ToSocketAddrs;
use std::thread;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

/// Asks on a thread of its own, as a look-up cannot be interrupted.
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (sender, result) = oneshot::channel();
        let ask = move || (name.as_str(), 0).to_socket_addrs();
        // Nobody may be there any more to take it.
        let thread = thread::Builder::new().spawn(move || drop(sender.send(ask())));
        Box::pin(async move {
            thread?;
            let found = result.await??;
            Ok(Box::new(found) as Addrs)
        })
    }
}
