//! Asks for a user name and a password: RFC 7617.
//!
//! [`BasicAuth`] is the middleware, [`Users`] a table of users, [`Verify`] what stands for either a
//! table or a function, [`AsyncVerify`] for one that does not block.

mod asynchronous;
mod auth;
mod base64;
mod credentials;
#[cfg(test)]
mod model;
mod users;

pub use self::asynchronous::AsyncVerify;
pub use self::auth::{BasicAuth, InvalidRealm};
pub use self::users::{Users, Verify};
