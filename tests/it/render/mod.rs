//! `render`: templates of the user's own, and the data that they see.

mod round_trip;
mod schema;
