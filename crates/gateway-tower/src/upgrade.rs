//! WebSockets of an application.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use gateway_iface::RequestHead;
use gateway_iface::asgi::{Application, Capabilities, Capability};
use gateway_websocket::{Accepting, Session, Settings, is_asked};
use http::{Response, Version};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::response_body::ResponseBody;
use crate::tasks::Tasks;

/// The connection of a request, as a framework hands it over that keeps hyper's `OnUpgrade` to itself.
///
/// Its adapter puts one among the extensions of a request that asks for a WebSocket; [`ToTower`](crate::ToTower) takes it
/// as it takes hyper's own, and waits for it once its answer is out.
///
/// ```
/// use gateway_iface::asgi::event::Accept;
/// use gateway_iface::http::Request;
/// use gateway_iface::{Error, asgi};
/// use gateway_tower::{ToTower, Upgrade};
/// use http_body_util::Empty;
/// use tokio::io::AsyncReadExt;
/// use tower::ServiceExt;
///
/// async fn hello(scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
///     scope.into_websocket()?;
///     let mut socket = asgi::Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
///     Ok(socket.send("hi").await?)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gateway_iface::BoxError> {
/// let (mut client, server) = tokio::io::duplex(1024);
/// let request = Request::get("/")
///     .header("connection", "upgrade")
///     .header("upgrade", "websocket")
///     .header("sec-websocket-version", "13")
///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .extension(Upgrade::new(async { Ok(server) }))
///     .body(Empty::<&[u8]>::new())?;
/// assert_eq!(ToTower::new(hello).oneshot(request).await?.status(), 101);
///
/// let mut frame = [0; 4];
/// client.read_exact(&mut frame).await?;
/// assert_eq!(&frame, b"\x81\x02hi");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Upgrade {
    upgraded: Arc<Mutex<Option<Upgraded>>>,
}

type Upgraded = Pin<Box<dyn Future<Output = io::Result<Box<dyn Connection>>> + Send>>;

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<C: AsyncRead + AsyncWrite + Send + Unpin> Connection for C {}

impl Upgrade {
    /// Of this future, which ends with the connection, or with an error where there is none any more.
    pub fn new<C>(upgraded: impl Future<Output = io::Result<C>> + Send + 'static) -> Self
    where
        C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let upgraded = Box::pin(async { Ok(Box::new(upgraded.await?) as _) });
        Self { upgraded: Arc::new(Mutex::new(Some(upgraded))) }
    }

    async fn connection(self) -> io::Result<Box<dyn Connection>> {
        let upgraded = self.upgraded.lock().unwrap_or_else(PoisonError::into_inner).take();
        match upgraded {
            Some(upgraded) => upgraded.await,
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").finish_non_exhaustive()
    }
}

/// The connection of a request that asks for a WebSocket, where hyper or a framework hands it over.
pub(crate) fn asked(head: &mut RequestHead) -> Option<Handed> {
    let extensions = head.extensions();
    if extensions.is_empty() {
        return None;
    }
    let connects = || extensions.get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket");
    if !is_asked(head) && (head.version() == Version::HTTP_11 || !connects()) {
        return None;
    }
    if let Some(upgrade) = head.extensions_mut().remove() {
        return Some(Handed::ByFramework(upgrade));
    }
    head.extensions_mut().remove().map(Handed::ByHyper)
}

/// Who hands the connection over.
pub(crate) enum Handed {
    ByHyper(OnUpgrade),
    ByFramework(Upgrade),
}

/// Waits until the application answers a handshake.
pub(crate) struct Upgrading {
    accepting: Accepting<Box<dyn FnOnce(Session) + Send>>,
    upgrade: Option<Handed>,
    tasks: Arc<Tasks>,
}

impl Upgrading {
    pub(crate) fn begin<A: Application + ?Sized + 'static>(
        app: Arc<A>,
        mut head: Box<RequestHead>,
        upgrade: Handed,
        has_body: bool,
        settings: &Settings,
        tasks: Arc<Tasks>,
    ) -> Self {
        head.connection_mut().set_capabilities(SUPPORTED);
        let left = tasks.clone();
        let left = Box::new(move |session: Session| left.finish(session));
        let accepting = gateway_websocket::accept(app, head, has_body, settings, left as _);
        Self { accepting, upgrade: Some(upgrade), tasks }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody>> {
        let (response, session) = ready!(Pin::new(&mut self.accepting).poll(cx));
        match (session, self.upgrade.take()) {
            (Some(session), Some(Handed::ByHyper(upgrade))) => {
                self.tasks.drive(session, upgraded(upgrade));
            }
            (Some(session), Some(Handed::ByFramework(upgrade))) => {
                self.tasks.drive(session, upgrade.connection());
            }
            _ => {}
        }
        Poll::Ready(response.map(ResponseBody::handshake))
    }
}

/// hyper hands the connection over when it has the response; so the socket is driven by a task of its own.
async fn upgraded(upgrade: OnUpgrade) -> io::Result<TokioIo<hyper::upgrade::Upgraded>> {
    upgrade.await.map(TokioIo::new).map_err(io::Error::other)
}

const SUPPORTED: Capabilities = Capabilities::none().with(Capability::WebSocketDenial);
