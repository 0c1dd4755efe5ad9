//! The task of one HTTP/1 connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use gateway_iface::asgi::Disconnect;
use hyper::server::conn::http1;
use tracing::debug;

use super::link::{Link, Service};
use super::stream::Stream;
use crate::builder::OnDisconnect;
use crate::serving::Registered;

/// Drives hyper and the application until both are done.
pub(crate) struct Task {
    http: Option<Box<http1::Connection<Stream, Service>>>,
    link: Arc<Link>,
    on_disconnect: OnDisconnect,
    stopping: bool,
    known: bool,
    _registered: Registered,
}

impl Task {
    pub(crate) fn new(
        http: http1::Connection<Stream, Service>,
        link: Arc<Link>,
        on_disconnect: OnDisconnect,
        registered: Registered,
    ) -> Self {
        Self {
            http: Some(Box::new(http)),
            link,
            on_disconnect,
            stopping: false,
            known: false,
            _registered: registered,
        }
    }

    /// hyper is done with the connection; the call may not be.
    fn ended(&mut self, result: hyper::Result<()>) {
        let http = self.http.take();
        let lost = match result {
            Ok(()) => self.link.close(),
            Err(error) => {
                debug!(%error, "connection ended");
                if let Some(http) = http.filter(|_| self.link.needs_reset()) {
                    http.into_parts().io.into_socket().reset();
                }
                self.link.lose(Disconnect::Client)
            }
        };
        if lost && self.on_disconnect == OnDisconnect::Cancel {
            self.link.cancel();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // The runtime ends before the call does.
        if self.link.is_active() {
            self.link.lose(Disconnect::Shutdown);
            self.link.cancel();
        }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !this.known {
            // A task keeps its waker for life.
            this.link.control().wait(cx);
            this.known = true;
        }
        this.link.begin_poll();
        if this.link.control().is_cut_off() {
            this.http = None;
            this.link.lose(Disconnect::Shutdown);
            this.link.drive(cx);
            this.link.cancel();
            return Poll::Ready(());
        }
        if let Some(http) = &mut this.http {
            let mut http = Pin::new(&mut **http);
            if !this.stopping && this.link.control().is_stopping() {
                this.stopping = true;
                http.as_mut().graceful_shutdown();
                this.link.tell_shutdown();
            }
            if let Poll::Ready(result) = http.poll(cx) {
                this.ended(result);
            }
        }
        this.link.drive_if_unpolled(cx);
        if this.http.is_none() && !this.link.is_active() { Poll::Ready(()) } else { Poll::Pending }
    }
}
