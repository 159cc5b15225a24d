//! `render`: templates of the user's own, and the data that they see.

mod data;
mod round_trip;
mod schema;
mod template;
