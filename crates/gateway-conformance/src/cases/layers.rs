//! Every middleware that comes with the interface, around one application.

use std::sync::Arc;
use std::time::Duration;

use gateway_iface::asgi;
use gateway_iface::bytes::Bytes;
use gateway_iface::middleware::{
    AccessLog, BodyLimit, CatchError, Cookies, Counter, MapBody, MapHead, Mount, PathGuard, ProxyHeaders,
    RequestId, Timeout, Wrap,
};

/// All of them that let a request through which has nothing special.
pub(super) fn layered(app: Arc<dyn asgi::Application>) -> Arc<dyn asgi::Application> {
    let app = Mount::new()
        .fallback(app)
        .wrap(|app| MapBody::new(app, |_, _| Some(|block: Bytes, _: bool| block)))
        .wrap(|app| MapHead::new(app, |_, headers| drop(headers.remove("x-nothing"))))
        .wrap(Cookies::new)
        .wrap(|app| PathGuard::deny(app).exact("/nowhere"))
        .wrap(|app| BodyLimit::new(app, 1024 * 1024))
        .wrap(|app| Timeout::new(app, Duration::MAX, |_| std::future::pending()))
        .wrap(|app| CatchError::new(app, |_| {}))
        .wrap(Counter::new)
        .wrap(|app| AccessLog::new(app, |_| {}))
        .wrap(RequestId::new)
        .wrap(ProxyHeaders::new);
    Arc::new(app)
}
