//! What the operator wants: the settings of `edgeban.toml`, complete and checked.

pub mod model;
