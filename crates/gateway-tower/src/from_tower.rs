//! A service as an application.

use std::fmt;
use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::Poll;

use gateway_iface::adapter::{Failed, Origin, Watch, split};
use gateway_iface::asgi::{Application, HttpScope, Receive, Scope};
use gateway_iface::{BoxError, Error, RequestTrailers, asgi};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::loopback;
use crate::request_body::RequestBody;
use crate::sending::{Sending, poll_frame};

/// Makes an application of a tower service.
///
/// # Contract
///
/// - Each request has a clone of the service, which is made ready first.
/// - The service is given the target below the mount point, and an [`Origin`] among the extensions, which has
///   the rest, the connection included. Values that servers and middleware left there are there.
/// - When the client leaves, the future of the service is dropped, or the body of its response, whichever is polled
///   as a server of tower's own would.
/// - An error of the service, or of its body, ends the call: the server answers with 500, or breaks the response off
///   . One of an application further in, which a [`ToTower`](crate::ToTower) has answered, ends the call after
///   that answer.
/// - A WebSocket is a request to upgrade, as over HTTP/1.1, which the service answers with 101, and takes over by hyper's
///   `OnUpgrade`; or with anything else, which refuses it. There are two hyper connections in memory for it.
/// - There is no lifespan in tower: that is [`UnsupportedScope`](gateway_iface::UnsupportedScope).
#[derive(Clone)]
pub struct FromTower<S> {
    service: S,
    prepare: Option<fn(&mut Parts)>,
}

impl<S> FromTower<S> {
    /// Makes an application of this service.
    pub const fn new(service: S) -> Self {
        Self { service, prepare: None }
    }

    /// With something done to each request before the service is called, such as adding what its handlers look for among
    /// the extensions.
    ///
    /// [`axum::extensions`](crate::axum::extensions) is the one for axum's routers.
    #[must_use]
    pub const fn with_request(mut self, prepare: fn(&mut Parts)) -> Self {
        self.prepare = Some(prepare);
        self
    }
}

impl<S, B> Application for FromTower<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    fn call<'a, 'b>(&'a self, scope: Scope, receive: Receive, send: asgi::Send) -> Calling<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let (service, prepare) = (self.service.clone(), self.prepare);
        match scope {
            Scope::Http(scope) => Box::pin(serve(service, prepare, scope, receive, send)),
            Scope::WebSocket(scope) => Box::pin(loopback::serve(service, prepare, scope, receive, send)),
            other => Box::pin(ready(Err(other.unsupported().into()))),
        }
    }
}

type Calling<'b> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'b>>;

/// Has the service answer the request, and sends its response.
///
/// What is large is pinned where it is made, since to move it would cost more than all else here.
async fn serve<S, B>(
    mut service: S,
    prepare: Option<fn(&mut Parts)>,
    scope: HttpScope,
    receive: Receive,
    send: asgi::Send,
) -> Result<(), Error>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    B: Body,
    B::Error: Into<BoxError>,
{
    let head = scope.into_head();
    let (blocks, mut watch) = split(receive, head.is_bodiless());
    let mut sending = Sending::new(&head, send);
    let trailers = head.extensions().get::<RequestTrailers>().cloned();
    let body = RequestBody::new(blocks, head.content_length(), trailers);
    let mut parts = Origin::detach(*head);
    if let Some(prepare) = prepare {
        prepare(&mut parts);
    }
    watch.unless_gone(poll_fn(|cx| service.poll_ready(cx))).await?.map_err(Error::new)?;
    let response = {
        let mut responding = pin!(service.call(Request::from_parts(parts, body)));
        watch.unless_gone(responding.as_mut()).await?.map_err(Error::new)?
    };
    let (parts, body) = response.into_parts();
    let mut body = pin!(body);
    sending.begin(parts.status, parts.headers, &*body);
    let sent = respond(&mut sending, &mut watch, body.as_mut()).await;
    // The answer to what failed further in is out, or its client is gone: now the server learns of it.
    match parts.extensions.get::<Failed>().filter(|failed| failed.is_fault()) {
        Some(failed) => Err(failed.clone().into()),
        None => sent,
    }
}

/// Sends a response as its body comes, unless the client leaves while it waits for that.
async fn respond<B>(sending: &mut Sending, watch: &mut Watch, mut body: Pin<&mut B>) -> Result<(), Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    if sending.is_bodiless() {
        return sending.send_only_head().await;
    }
    loop {
        let frame = match poll_fn(|cx| Poll::Ready(poll_frame(body.as_mut(), cx))).await {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                sending.let_head_go().await?;
                watch.unless_gone(poll_fn(|cx| poll_frame(body.as_mut(), cx))).await?
            }
        };
        if sending.send(frame.transpose()?, body.is_end_stream()).await? {
            return Ok(());
        }
    }
}

impl<S> fmt::Debug for FromTower<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromTower").finish_non_exhaustive()
    }
}
