//! The API that is asked, and the token that it is asked with.

use std::time::Duration;

use crate::api::address::ApiUrl;
use crate::api::client::Client;
use crate::api::token::{ApiToken, TokenSource};
use crate::failure::{Failure, Kind, Outcome};
use crate::terminal::Terminal;

/// The API, and who asks.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The API's address.
    pub address: ApiUrl,
    /// The token.
    pub token: ApiToken,
    /// The time for one call with all its tries.
    pub timeout: Duration,
}

impl Endpoint {
    /// A client that tells each request to `--verbose`.
    pub fn client(self, terminal: Terminal) -> Outcome<Client> {
        Ok(Client::new(self.address, self.token, self.timeout)?.traced(terminal))
    }
}

/// The API, and who asks: either may be missing.
#[derive(Clone, Debug)]
pub struct Access {
    /// The API's address.
    pub address: Outcome<ApiUrl>,
    /// The token, and where it was found.
    pub token: Outcome<Option<(ApiToken, TokenSource)>>,
    /// The time for one call with all its tries.
    pub timeout: Duration,
}

impl Access {
    /// The API and the token, or why not.
    pub fn endpoint(self) -> Outcome<Endpoint> {
        let (token, _) = self.token?.ok_or_else(no_token)?;
        Ok(Endpoint { address: self.address?, token, timeout: self.timeout })
    }
}

/// Returns the failure of a run without a token.
#[must_use]
pub fn no_token() -> Failure {
    Failure::message(Kind::Usage, "no API token").hint(
        "run `prime login`, set PRIME_API_KEY, or give --token-file FILE; none is needed for \
         --input FILE: a saved answer, or what someone else's `prime-ssh export` printed",
    )
}
