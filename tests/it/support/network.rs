//! Network namespaces of the test's own, so that one private address can be two machines.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use tokio::net::TcpSocket;

use super::process::{self, Background};

/// A network of its own; it and its links end with its drop. Needs root.
pub struct Namespace {
    /// A process that does nothing but keep the namespace there.
    holder: Background,
}

impl Namespace {
    pub fn new() -> Self {
        let mut command = process::tied("unshare");
        command.args(["--net", "sleep", "3600"]);
        let namespace = Self { holder: Background::start(&mut command) };
        let ours = fs::read_link("/proc/self/ns/net").unwrap();
        let path = format!("/proc/{}/ns/net", namespace.holder.id());
        process::until("the namespace", || fs::read_link(&path).is_ok_and(|its| its != ours));
        namespace.ip("link set lo up");
        namespace
    }

    /// The network that the test itself is in.
    pub fn own() -> Self {
        let holder = Background::start(process::tied("sleep").arg("3600"));
        let namespace = Self { holder };
        namespace.ip("link set lo up");
        namespace
    }

    /// A command that runs inside, and ends with the test that started it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = process::tied("nsenter");
        command.args(["--net", "--target", &self.holder.id().to_string(), "--", program]);
        command
    }

    /// Gives the namespace one more address, which nobody outside reaches.
    pub fn address(&self, address: &str) {
        self.ip(&format!("address add {address} dev lo"));
    }

    /// Lays a cable to another namespace; `name` names its two ends, each gets an address.
    pub fn link(&self, name: &str, address: &str, other: &Self, others_address: &str) {
        let holder = other.holder.id();
        self.ip(&format!("link add name {name} type veth peer name {name} netns {holder}"));
        for (namespace, address) in [(self, address), (other, others_address)] {
            namespace.ip(&format!("address add {address} dev {name}"));
            namespace.ip(&format!("link set dev {name} up"));
        }
    }

    #[track_caller]
    fn ip(&self, arguments: &str) {
        let mut command = self.command("ip");
        process::run(command.args(arguments.split(' ')), b"").succeeds();
    }
}

/// A port of 127.0.0.1 where nobody listens, as long as the tests run: it is taken, so that no other
/// test gets it, and never listened at.
pub fn nobody() -> u16 {
    let place = Reserved::new();
    let port = place.port();
    std::mem::forget(place);
    port
}

/// A port of 127.0.0.1 that is taken, and where nobody listens yet.
pub struct Reserved(TcpSocket);

impl Reserved {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    pub fn listen(self) -> TcpListener {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let listener = self.0.listen(128).unwrap().into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        listener
    }
}
