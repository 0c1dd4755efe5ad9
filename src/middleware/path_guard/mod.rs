//! Lets requests through, or not, by their path.
//!
//! [`PathGuard`] is the middleware; `readings` is what makes it hard to fool.

mod guard;
#[cfg(test)]
mod model;
mod readings;
mod refusal;
mod rule;

pub use self::guard::PathGuard;
pub use self::refusal::Refusal;
