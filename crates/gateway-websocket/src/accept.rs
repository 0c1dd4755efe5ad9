//! The entrance for adapters of frameworks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gateway_iface::RequestHead;
use gateway_iface::asgi::{Application, Disconnect};
use http::Response;

use super::content::Content;
use super::handshake::Handshake;
use super::response;
use super::session::Session;
use super::settings::Settings;

/// Answers a handshake: has the application called, and waits in place until it has answered.
///
/// It is for a request that [asks](crate::is_asked) for a WebSocket. Its head is made as for any other request; its
/// connection may advertise [`Capability::WebSocketDenial`](gateway_iface::asgi::Capability::WebSocketDenial), which is
/// served here. Beside the answer there is what goes on behind it:
/// the socket, where the application accepted it, or a call that has not returned yet. [`Session::run`] is to be
/// run then, in a task, since a framework takes the connection over only when it has the answer. Where there is
/// nothing left there is no task.
///
/// Frameworks drop the future of a handler whose client is gone. The application is told of that as usual, with 1006
/// (A-84, S-24), and its call goes to `left` to be run to its [end](Session::finish) (A-06): in a task as well.
/// [`drop`] there ends the call where it is, as [`Settings::cancel_on_disconnect`] does.
///
/// # Cancel safety
///
/// Dropping the future is that loss of the client.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use gateway_iface::asgi::event::Accept;
/// use gateway_iface::{BoxError, Error, RequestHead, asgi};
/// use gateway_websocket::{Settings, accept};
/// use http::Request;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// async fn echo(scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
///     scope.into_websocket()?;
///     let handshake = asgi::Handshake::begin(receive, send).await?;
///     let mut socket = handshake.accept(Accept::new()).await?;
///     while let Ok(message) = socket.next().await {
///         socket.send(message).await?;
///     }
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let request = Request::get("/")
///     .header("host", "example.org")
///     .header("connection", "upgrade")
///     .header("upgrade", "websocket")
///     .header("sec-websocket-version", "13")
///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .body(())?;
/// let head = RequestHead::new(request.into_parts().0);
/// let left = |session: gateway_websocket::Session| drop(tokio::spawn(session.finish()));
/// let (response, session) = accept(Arc::new(echo), head, false, &Settings::default(), left).await;
/// assert_eq!(response.status(), 101);
///
/// // The framework sends the answer, and hands out the connection.
/// let (mut client, server) = tokio::io::duplex(1024);
/// let session = session.ok_or("the socket is not open")?;
/// let socket = tokio::spawn(session.run(async { Ok(server) }));
///
/// client.write_all(b"\x81\x82\x00\x00\x00\x00hi").await?;
/// let mut frame = [0; 4];
/// client.read_exact(&mut frame).await?;
/// assert_eq!(&frame, b"\x81\x02hi");
/// drop(client);
/// socket.await?;
/// # Ok(())
/// # }
/// ```
pub fn accept<A: Application + ?Sized + 'static, F: FnOnce(Session)>(
    app: Arc<A>,
    head: impl Into<Box<RequestHead>>,
    has_body: bool,
    settings: &Settings,
    left: F,
) -> Accepting<F> {
    let head = head.into();
    let begun = match Handshake::read(&head, has_body, settings) {
        Ok(handshake) => Begun::Call(Session::begin(app, head, handshake, settings, ()), left),
        Err(status) => Begun::Refused(response::refusal(head.version(), status).map(Content::whole)),
    };
    Accepting { begun: Some(begun) }
}

/// Waits for the answer to a handshake; from [`accept`].
#[must_use = "futures do nothing unless polled"]
pub struct Accepting<F: FnOnce(Session)> {
    begun: Option<Begun<F>>,
}

enum Begun<F> {
    /// The handshake is not valid.
    Refused(Response<Content>),
    Call(Session, F),
}

impl<F: FnOnce(Session)> Future for Accepting<F> {
    type Output = (Response<Content>, Option<Session>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let answer = match &mut this.begun {
            Some(Begun::Call(session, _)) => Some(ready!(session.poll_reply(cx))),
            _ => None,
        };
        match (this.begun.take(), answer) {
            (Some(Begun::Call(session, _)), Some(answer)) => {
                let goes_on = session.is_accepted() || session.is_active();
                Poll::Ready((answer, goes_on.then_some(session)))
            }
            (Some(Begun::Refused(answer)), _) => Poll::Ready((answer, None)),
            // The answer was given.
            _ => Poll::Pending,
        }
    }
}

/// Nothing in it is pinned.
impl<F: FnOnce(Session)> Unpin for Accepting<F> {}

impl<F: FnOnce(Session)> Drop for Accepting<F> {
    fn drop(&mut self) {
        if let Some(Begun::Call(session, left)) = self.begun.take() {
            let lost = session.lose(Disconnect::Client);
            if !(lost && session.settings().cancel_on_disconnect) {
                left(session);
            }
        }
    }
}

impl<F: FnOnce(Session)> fmt::Debug for Accepting<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepting").finish_non_exhaustive()
    }
}
