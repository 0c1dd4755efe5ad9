//! WebSockets of an application.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gateway_iface::RequestHead;
use gateway_iface::asgi::{Application, Capabilities, Capability};
use gateway_websocket::{Accepting, Session, Settings, is_asked};
use http::Response;
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::response_body::ResponseBody;

/// The connection of a request that asks for a WebSocket, where hyper hands it over.
pub(crate) fn asked(head: &mut RequestHead) -> Option<OnUpgrade> {
    if head.extensions().is_empty() {
        return None;
    }
    let upgrade = head.extensions_mut().remove::<OnUpgrade>()?;
    let connects =
        head.extensions().get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket");
    if connects || is_asked(head) {
        return Some(upgrade);
    }
    head.extensions_mut().insert(upgrade);
    None
}

/// Waits until the application answers a handshake.
pub(crate) struct Upgrading {
    accepting: Accepting<Box<dyn FnOnce(Session) + Send>>,
    upgrade: Option<OnUpgrade>,
    tasks: TaskTracker,
}

impl Upgrading {
    pub(crate) fn begin<A: Application + ?Sized + 'static>(
        app: Arc<A>,
        mut head: Box<RequestHead>,
        upgrade: OnUpgrade,
        has_body: bool,
        settings: &Settings,
        tasks: TaskTracker,
    ) -> Self {
        head.connection_mut().set_capabilities(SUPPORTED);
        let left = tasks.clone();
        let left = Box::new(move |session: Session| spawn(&left, session.finish()));
        let accepting = gateway_websocket::accept(app, head, has_body, settings, left as _);
        Self { accepting, upgrade: Some(upgrade), tasks }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody>> {
        let (response, session) = ready!(Pin::new(&mut self.accepting).poll(cx));
        if let (Some(session), Some(upgrade)) = (session, self.upgrade.take()) {
            spawn(&self.tasks, session.run(upgraded(upgrade)));
        }
        Poll::Ready(response.map(ResponseBody::handshake))
    }
}

/// hyper hands the connection over when it has the response; so the socket is driven by a task of its own.
fn spawn(tasks: &TaskTracker, future: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        tasks.spawn_on(future, &runtime);
    }
}

async fn upgraded(upgrade: OnUpgrade) -> io::Result<TokioIo<Upgraded>> {
    upgrade.await.map(TokioIo::new).map_err(io::Error::other)
}

const SUPPORTED: Capabilities = Capabilities::none().with(Capability::WebSocketDenial);
