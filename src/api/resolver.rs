//! The system's resolver, asked on a thread of its own, as a look-up cannot be interrupted. The HTTP
//! library's own panics where the system grants no thread.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;

use reqwest::dns::{Name, Resolve, Resolving};
use tokio::sync::oneshot;

/// The resolver for the HTTP library.
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move { Ok(Box::new(look_up(name.as_str(), 0).await?.into_iter()) as _) })
    }
}

/// Finds the addresses of a name. It fails with the system's own error where that grants no thread.
pub async fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let (sender, result) = oneshot::channel();
    let host = host.to_owned();
    let ask = move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
    // Nobody may be there any more to take it.
    thread::Builder::new().spawn(move || drop(sender.send(ask())))?;
    result.await.map_err(|_| io::Error::other("the resolver broke off"))?
}
