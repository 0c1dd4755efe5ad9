//! HTTP/1.0 and HTTP/1.1: hyper's connections, and what they share with the application.

mod body;
mod detached;
mod interim;
mod link;
mod response;
mod service;
mod stream;
mod task;
mod upgrade;

pub(crate) use self::link::Link;
pub(crate) use self::task::{After, Task};
