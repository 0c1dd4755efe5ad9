//! HTTP/2, by prior knowledge.

mod connection;
mod frames;
mod stream;
mod wire;

pub(crate) use self::connection::Http2;
pub(crate) use self::frames::{Fate, Frames, pseudo};
pub(crate) use self::stream::Stream;

pub(super) use self::wire::Http2Wire;
