//! The validator: silent about what is right, exact about what is wrong, and in no one's way.

#[path = "validator/fixtures.rs"]
mod fixtures;
#[path = "validator/right.rs"]
mod right;
