//! The control node of a row of List Clusters, checked like any other connection.

use serde::Serialize;

use super::model::destination;
use super::refusal::{Checker, Refusal, Refusals};
use crate::api::wire;
use crate::name::{HostName, Invalid, Port, UserName};

/// The address of a cluster's control node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ControlNode {
    /// As whom.
    pub user: UserName<'static>,
    /// The host that ssh would connect to.
    pub host_name: HostName<'static>,
    /// On which port.
    pub port: Port,
}

impl ControlNode {
    /// Returns `USER@HOST:PORT`, for a person.
    #[must_use]
    pub fn destination(&self) -> String {
        destination(&self.user, &self.host_name, self.port)
    }

    /// Parses and checks the `controller` of row `place` of List Clusters.
    pub fn of_listed(controller: &str, place: usize) -> Result<Self, Vec<Refusal>> {
        let path = format!("data[{place}].controller");
        let Ok(wire) = wire::read::<wire::Connection<'_>>(controller) else {
            let reason = Invalid::because("not a connection");
            return Err(vec![Refusal { path, excerpt: String::new(), reason }]);
        };
        let mut refusals = Refusals::default();
        let path = || format!("{path}.");
        let mut check = Checker::new(&mut refusals, &path);
        let host_name = check.required("host", &wire.host, HostName::new);
        let port = check.number("port", &wire.port, Port::SSH, Port::new);
        let user = check.required("user", &wire.user, UserName::new);
        match (user, host_name, port) {
            (Ok(user), Ok(host_name), Ok(port)) => {
                Ok(Self { user: user.into_owned(), host_name: host_name.into_owned(), port })
            }
            _ => Err(refusals.first),
        }
    }
}
