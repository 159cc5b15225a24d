//! `render`: templates of the user's own, and the data that they see.

mod examples;
mod schema;
mod template;
