//! The HTTP calls.
