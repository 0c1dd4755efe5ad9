//! Every event of the three protocols, as types.
//!
//! An event that a server hands in is a [`ReceiveEvent`], one that an application hands back is a
//! [`SendEvent`]. The names in quotation marks are those of the ASGI texts.

mod http;
mod lifespan;
mod vendor;
mod websocket;

pub use self::http::{
    Debug, EarlyHint, PathSend, Push, RequestBody, ResponseBody, ResponseStart, ResponseTrailers,
    ZeroCopySend,
};
pub use self::lifespan::Failure;
pub use self::vendor::Vendor;
pub use self::websocket::{Accept, Close, DenialStart, Message, WebSocketDisconnect};

use super::Disconnect;

/// An event from the server to the application.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReceiveEvent {
    /// `http.request`: a block of the request body.
    HttpRequest(RequestBody),
    /// `http.disconnect`: the exchange is over.
    HttpDisconnect(Disconnect),
    /// `websocket.connect`: a client asks to open a socket.
    WebSocketConnect,
    /// `websocket.receive`: a whole message.
    WebSocketReceive(Message),
    /// `websocket.disconnect`: the socket is closed.
    WebSocketDisconnect(WebSocketDisconnect),
    /// `lifespan.startup`: the server is about to serve.
    LifespanStartup,
    /// `lifespan.shutdown`: the server has stopped serving.
    LifespanShutdown,
    /// An event of a vendor's own.
    Vendor(Vendor),
}

impl ReceiveEvent {
    /// The name of the event in the ASGI texts.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::HttpRequest(_) => "http.request",
            Self::HttpDisconnect(_) => "http.disconnect",
            Self::WebSocketConnect => "websocket.connect",
            Self::WebSocketReceive(_) => "websocket.receive",
            Self::WebSocketDisconnect(_) => "websocket.disconnect",
            Self::LifespanStartup => "lifespan.startup",
            Self::LifespanShutdown => "lifespan.shutdown",
            Self::Vendor(event) => event.name(),
        }
    }

    /// Why the exchange is over, if this event says so.
    #[must_use]
    pub const fn disconnect(&self) -> Option<Disconnect> {
        match self {
            Self::HttpDisconnect(reason) => Some(*reason),
            Self::WebSocketDisconnect(event) => Some(event.cause),
            _ => None,
        }
    }
}

/// An event from the application to the server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SendEvent {
    /// `http.response.start`: status and header fields.
    ResponseStart(ResponseStart),
    /// `http.response.body`: a block of the response body.
    ResponseBody(ResponseBody),
    /// `http.response.trailers`: fields after the body.
    ResponseTrailers(ResponseTrailers),
    /// `http.response.early_hint`: links, ahead of the final head.
    EarlyHint(EarlyHint),
    /// `http.response.push`: a request to push.
    Push(Box<Push>),
    /// `http.response.pathsend`: a file as the whole body, by path.
    PathSend(PathSend),
    /// `http.response.zerocopysend`: part of an open file.
    ZeroCopySend(ZeroCopySend),
    /// `http.response.debug`: data for a test harness.
    Debug(Debug),
    /// `websocket.accept`: open the socket.
    WebSocketAccept(Box<Accept>),
    /// `websocket.send`: a whole message.
    WebSocketSend(Message),
    /// `websocket.close`: close the socket, or refuse it with 403.
    WebSocketClose(Close),
    /// `websocket.http.response.start`: refuse the socket with a response.
    WebSocketDenialStart(DenialStart),
    /// `websocket.http.response.body`: its body.
    WebSocketDenialBody(ResponseBody),
    /// `lifespan.startup.complete`.
    StartupComplete,
    /// `lifespan.startup.failed`.
    StartupFailed(Failure),
    /// `lifespan.shutdown.complete`.
    ShutdownComplete,
    /// `lifespan.shutdown.failed`.
    ShutdownFailed(Failure),
    /// An event of a vendor's own.
    Vendor(Vendor),
}

impl SendEvent {
    /// The name of the event in the ASGI texts.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ResponseStart(_) => "http.response.start",
            Self::ResponseBody(_) => "http.response.body",
            Self::ResponseTrailers(_) => "http.response.trailers",
            Self::EarlyHint(_) => "http.response.early_hint",
            Self::Push(_) => "http.response.push",
            Self::PathSend(_) => "http.response.pathsend",
            Self::ZeroCopySend(_) => "http.response.zerocopysend",
            Self::Debug(_) => "http.response.debug",
            Self::WebSocketAccept(_) => "websocket.accept",
            Self::WebSocketSend(_) => "websocket.send",
            Self::WebSocketClose(_) => "websocket.close",
            Self::WebSocketDenialStart(_) => "websocket.http.response.start",
            Self::WebSocketDenialBody(_) => "websocket.http.response.body",
            Self::StartupComplete => "lifespan.startup.complete",
            Self::StartupFailed(_) => "lifespan.startup.failed",
            Self::ShutdownComplete => "lifespan.shutdown.complete",
            Self::ShutdownFailed(_) => "lifespan.shutdown.failed",
            Self::Vendor(event) => event.name(),
        }
    }
}

impl From<ResponseStart> for SendEvent {
    fn from(event: ResponseStart) -> Self {
        Self::ResponseStart(event)
    }
}

impl From<ResponseBody> for SendEvent {
    fn from(event: ResponseBody) -> Self {
        Self::ResponseBody(event)
    }
}

impl From<ResponseTrailers> for SendEvent {
    fn from(event: ResponseTrailers) -> Self {
        Self::ResponseTrailers(event)
    }
}

impl From<EarlyHint> for SendEvent {
    fn from(event: EarlyHint) -> Self {
        Self::EarlyHint(event)
    }
}

impl From<Push> for SendEvent {
    fn from(event: Push) -> Self {
        Self::Push(Box::new(event))
    }
}

impl From<PathSend> for SendEvent {
    fn from(event: PathSend) -> Self {
        Self::PathSend(event)
    }
}

impl From<ZeroCopySend> for SendEvent {
    fn from(event: ZeroCopySend) -> Self {
        Self::ZeroCopySend(event)
    }
}

impl From<Debug> for SendEvent {
    fn from(event: Debug) -> Self {
        Self::Debug(event)
    }
}

impl From<Accept> for SendEvent {
    fn from(event: Accept) -> Self {
        Self::WebSocketAccept(Box::new(event))
    }
}

impl From<Message> for SendEvent {
    fn from(message: Message) -> Self {
        Self::WebSocketSend(message)
    }
}

impl From<Close> for SendEvent {
    fn from(event: Close) -> Self {
        Self::WebSocketClose(event)
    }
}

impl From<DenialStart> for SendEvent {
    fn from(event: DenialStart) -> Self {
        Self::WebSocketDenialStart(event)
    }
}

impl From<Vendor> for SendEvent {
    fn from(event: Vendor) -> Self {
        Self::Vendor(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_07_event_names_begin_with_their_protocol() {
        for event in [
            SendEvent::ResponseBody(ResponseBody::last("")),
            SendEvent::WebSocketClose(Close::default()),
            SendEvent::StartupComplete,
        ] {
            let protocol = event.name().split('.').next().unwrap();
            assert!(["http", "websocket", "lifespan"].contains(&protocol), "{protocol}");
        }
    }

    #[test]
    fn events_stay_small_enough_to_move() {
        assert!(size_of::<SendEvent>() <= 112, "{}", size_of::<SendEvent>());
        assert!(size_of::<ReceiveEvent>() <= 56, "{}", size_of::<ReceiveEvent>());
    }
}
