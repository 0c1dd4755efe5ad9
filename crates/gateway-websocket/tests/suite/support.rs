//! What the tests have in common.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_iface::asgi::{self, Capabilities, Capability, Disconnect, Receive, Send};
use gateway_iface::{Connection, Error, RequestHead};
use gateway_websocket::{Aborted, CallEnd, Content, Limit, Session, Settings, Watch, accept};
use http::{Request, Response, Version};
use http_body::Body as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Runs a test, which a deadlock must not keep for ever.
pub(crate) fn on_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), test).await.unwrap() });
}

/// A handshake that is valid, of a client that takes denials.
pub(crate) fn head(version: Version) -> Box<RequestHead> {
    head_with(version, "13")
}

pub(crate) fn head_with(version: Version, websocket_version: &str) -> Box<RequestHead> {
    let mut request = Request::get("/ws").version(version).header("host", "test");
    if version == Version::HTTP_11 {
        request = request.header("upgrade", "websocket").header("connection", "upgrade");
        request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    }
    let parts = request.header("sec-websocket-version", websocket_version).body(()).unwrap().into_parts().0;
    let capabilities = Capabilities::none().with(Capability::WebSocketDenial);
    Box::new(RequestHead::on(parts, Arc::new(Connection::new().with_capabilities(capabilities))))
}

/// An application out of what it does with its halves.
pub(crate) fn app<F: Future<Output = Result<(), Error>> + core::marker::Send + 'static>(
    call: impl Fn(Receive, Send) -> F + core::marker::Send + Sync + 'static,
) -> Arc<dyn asgi::Application> {
    Arc::new(move |_: asgi::Scope, receive: Receive, send: Send| call(receive, send))
}

/// What was told of a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    Opened,
    Hit(Limit),
    Ended(&'static str),
    /// What the application learned of the end.
    Closed(u16, Disconnect),
    /// The watch was dropped.
    Over,
}

/// Passes on what it is told.
pub(crate) struct Tell(pub(crate) UnboundedSender<Told>);

impl Watch for Tell {
    fn opened(&mut self) {
        self.0.send(Told::Opened).unwrap();
    }

    fn hit(&mut self, limit: Limit) {
        self.0.send(Told::Hit(limit)).unwrap();
    }

    fn call_ended(&mut self, how: CallEnd<'_>) {
        let how = match how {
            CallEnd::Complete => "complete",
            CallEnd::Incomplete => "incomplete",
            CallEnd::Failed(_) => "failed",
            CallEnd::Panicked => "panicked",
            CallEnd::Cancelled => "cancelled",
            _ => "otherwise",
        };
        self.0.send(Told::Ended(how)).unwrap();
    }
}

impl Drop for Tell {
    fn drop(&mut self) {
        // The test may be over.
        let _ = self.0.send(Told::Over);
    }
}

pub(crate) type Heard = UnboundedReceiver<Told>;

/// A session with its watch.
pub(crate) fn begin(
    app: impl FnOnce(UnboundedSender<Told>) -> Arc<dyn asgi::Application>,
    settings: &Settings,
) -> (Session<Tell>, Heard) {
    let (tell, heard) = unbounded_channel();
    let head = head(Version::HTTP_11);
    let handshake = gateway_websocket::Handshake::read(&head, false, settings).unwrap();
    (Session::begin(app(tell.clone()), head, handshake, settings, Tell(tell)), heard)
}

/// The answer, and what goes on behind it.
pub(crate) async fn answer(app: Arc<dyn asgi::Application>) -> (Response<Content>, Option<Session>) {
    accept(app, head(Version::HTTP_11), false, &Settings::default(), drop).await
}

/// The blocks of a body, and how it ended.
pub(crate) async fn read(mut content: Content) -> (Vec<u8>, Result<(), Aborted>) {
    let mut octets = Vec::new();
    loop {
        let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut content).poll_frame(cx)).await;
        match frame {
            None => return (octets, Ok(())),
            Some(Err(aborted)) => return (octets, Err(aborted)),
            Some(Ok(frame)) => octets.extend(frame.into_data().unwrap_or_else(|_| Bytes::new())),
        }
    }
}

/// Sends a short text, masked by nothing.
pub(crate) async fn send_text(client: &mut DuplexStream, text: &str) {
    let head = [0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    client.write_all(&[&head[..], text.as_bytes()].concat()).await.unwrap();
}

/// A short frame: its first octet, and what it has.
pub(crate) async fn frame(client: &mut DuplexStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[1])];
    client.read_exact(&mut payload).await.unwrap();
    (head[0], payload)
}
