//! own_config
