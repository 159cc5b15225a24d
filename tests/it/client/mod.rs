//! The client against real servers on loopback, well-behaved and lying ones.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod answers;
mod connections;
mod finding;
mod lists;
mod secrecy;
mod server;
mod tries;

use std::time::Duration;

use prime_ssh::api::client::{ApiEndpoint, Client};
use prime_ssh::api::error::ApiError;
use prime_ssh::api::token::ApiToken;
use prime_ssh::terminal::Terminal;

use server::Server;

/// The token of every test.
const TOKEN: &str = "s3cret-Token";

/// A client with time enough.
fn client(server: &Server) -> Client {
    client_at(&server.url(), Duration::from_secs(20))
}

fn client_at(address: &str, timeout: Duration) -> Client {
    let (address, token) = (address.parse().unwrap(), ApiToken::new(TOKEN).unwrap());
    Client::new(ApiEndpoint { address, token, timeout }, Terminal::default()).unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(future);
    // A name that is being looked up cannot be called back.
    runtime.shutdown_background();
    result
}

/// The answer to Get Cluster `c1`.
fn get(server: &Server) -> Result<String, ApiError> {
    run(client(server).cluster("c1")).map(|answer| answer.text)
}

/// The message of an error with the lines below it.
fn message(error: &ApiError) -> String {
    error.failure.message.joined()
}

/// All that a user sees of an error: exit code, message, hint.
fn told(error: &ApiError) -> String {
    let chain = anyhow::Chain::new(error).count();
    assert_eq!(chain, 1, "what stands behind the message would be printed too");
    let code = error.failure.kind.exit_code();
    let hint = error.failure.hint.clone().unwrap_or_default();
    format!("{code}: {}\nhint: {hint}", message(error))
}
