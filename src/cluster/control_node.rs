//! The control node of a row of List Clusters, checked like any other connection.

use serde::Serialize;

use super::model::destination;
use super::refusal::{Checker, Refusal, Refusals, Refused};
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
        let path = || format!("data[{place}].controller");
        let Ok(wire) = wire::read(controller) else {
            let reason = Invalid::because("not a connection");
            return Err(vec![Refusal { path: path(), excerpt: String::new(), reason }]);
        };
        let mut refusals = Refusals::default();
        Self::checked(&wire, &|| format!("{}.", path()), &mut refusals).map_err(|_| refusals.first)
    }

    fn checked(
        wire: &wire::Connection<'_>,
        path: &dyn Fn() -> String,
        refusals: &mut Refusals,
    ) -> Result<Self, Refused> {
        let mut check = Checker::new(refusals, path);
        let host_name = check.required("host", &wire.host, HostName::new);
        let port = check.number("port", &wire.port, Port::SSH, Port::new);
        let user = check.required("user", &wire.user, UserName::new);
        let (user, host_name) = (user?.into_owned(), host_name?.into_owned());
        Ok(Self { user, host_name, port: port? })
    }
}
