//! Other programs and the hosts themselves: processes with a time limit, what ssh makes of a
//! configuration, whether a host answers, and whether it lets us in.

pub mod login;
pub mod probe;
pub mod process;
pub mod query;
pub mod reason;
pub mod release;
