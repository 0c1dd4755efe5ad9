//! Services as applications, and applications as services, over sockets.

mod hosts;
mod kit;
