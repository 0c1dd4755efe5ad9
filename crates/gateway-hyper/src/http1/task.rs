//! The task of one HTTP/1 connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use gateway_iface::asgi::Disconnect;
use gateway_websocket::Driver;
use hyper::server::conn::http1;
use tokio::time::{Sleep, sleep};
use tracing::debug;

use super::link::Link;
use super::service::Service;
use super::stream::Stream;
use crate::builder::OnDisconnect;
use crate::socket::{Rewound, Socket};
use crate::stats::Limit;
use crate::waits::{Expired, Wait};
use crate::websocket::Watch;

/// Drives hyper and the application until both are done, or the connection goes on with something else.
pub(crate) struct Task {
    http: Option<Box<http1::Connection<Stream, Service>>>,
    link: Arc<Link>,
    /// Whether the application was told of the shutdown.
    told: bool,
    /// How long the connection still waits for a request that may be on its way, once the server stops.
    linger: Option<Pin<Box<Sleep>>>,
    known: bool,
    after: After,
}

/// What a connection goes on with.
#[derive(Debug)]
pub(crate) enum After {
    /// Nothing: it is over.
    End,
    /// It began with the preface of HTTP/2.
    Http2(Rewound),
    /// It was upgraded.
    WebSocket(Box<Driver<Rewound, Watch>>),
}

impl Task {
    pub(crate) fn new(socket: Socket, link: Arc<Link>) -> Self {
        let stream = Stream::new(socket, Arc::clone(&link));
        let http = link.serving().http1().serve_connection(stream, Service::new(Arc::clone(&link)));
        Self { http: Some(Box::new(http)), link, told: false, linger: None, known: false, after: After::End }
    }

    /// Waits were too long.
    #[cold]
    fn expired(&mut self, expired: Expired) {
        if expired.contains(Wait::Head) || expired.contains(Wait::Idle) {
            // Between requests nothing is lost by that.
            if let Some(http) = self.http.take() {
                let parts = http.into_parts();
                let begun = expired.contains(Wait::Head) && !parts.read_buf.is_empty();
                parts.io.into_socket().close(if begun { TIMEOUT } else { b"" });
            }
            self.link.close();
        }
        if expired.contains(Wait::Write) {
            if let Some(http) = self.http.take() {
                http.into_parts().io.into_socket().reset();
            }
            if self.link.lose(Disconnect::Timeout)
                && self.link.serving().settings().on_disconnect == OnDisconnect::Cancel
            {
                self.link.cancel();
            }
        }
        if expired.contains(Wait::Body) {
            self.link.time_out_body();
        }
        if expired.contains(Wait::Call) {
            self.link.time_out_call();
        }
    }

    /// hyper is done with the connection; the call may not be.
    fn ended(&mut self, result: hyper::Result<()>) {
        let http = self.http.take();
        let lost = match result {
            Ok(()) => {
                if let (Some(session), Some(http)) = (self.link.take_websocket(), http) {
                    let driver = Driver::new(*session, rewound(*http));
                    self.after = After::WebSocket(Box::new(driver));
                    return;
                }
                self.link.close()
            }
            Err(error) if error.is_parse_version_h2() => {
                // It is a preface at the beginning only.
                let speaks = self.link.serving().settings().http2 && !self.link.has_served();
                match http {
                    Some(http) if speaks => self.after = After::Http2(rewound(*http)),
                    Some(http) => http.into_parts().io.into_socket().close(NOT_HTTP_2),
                    None => {}
                }
                return;
            }
            Err(error) => {
                debug!(%error, "connection ended");
                self.count(&error);
                if let Some(http) = http.filter(|_| self.link.needs_reset()) {
                    http.into_parts().io.into_socket().reset();
                }
                self.link.lose(Disconnect::Client)
            }
        };
        if lost && self.link.serving().settings().on_disconnect == OnDisconnect::Cancel {
            self.link.cancel();
        }
    }

    /// Closes the connection, once it was idle for long enough after the server was told to stop: a request that is
    /// on its way then is still answered, and told that it is the last one.
    fn leave(&mut self, cx: &mut Context<'_>) {
        if self.link.is_answering() {
            self.linger = None;
            return;
        }
        let Some(http) = &mut self.http else {
            return;
        };
        let time = self.link.serving().settings().drain_idle;
        let linger = self.linger.get_or_insert_with(|| Box::pin(sleep(time)));
        if time.is_zero() || linger.as_mut().poll(cx).is_ready() {
            let mut http = Pin::new(&mut **http);
            http.as_mut().graceful_shutdown();
            if let Poll::Ready(result) = http.poll(cx) {
                self.ended(result);
            }
        }
    }

    /// What hyper answered by itself, or gave up.
    fn count(&self, error: &hyper::Error) {
        let counters = self.link.control().counters();
        if error.is_parse() {
            counters.malformed();
            if error.is_parse_too_large() {
                counters.hit(Limit::HeadSize);
            }
        }
    }
}

/// The socket, with what hyper had read of it and not used (S-12).
fn rewound(http: http1::Connection<Stream, Service>) -> Rewound {
    let parts = http.into_parts();
    Rewound::new(parts.read_buf, parts.io.into_socket())
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
    type Output = After;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<After> {
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
            return Poll::Ready(After::End);
        }
        if let Some(expired) = this.link.control().waits().take_expired() {
            this.expired(expired);
        }
        if let Some(http) = &mut this.http {
            if !this.told && this.link.control().is_stopping() {
                this.told = true;
                this.link.tell_shutdown();
            }
            if let Poll::Ready(result) = Pin::new(&mut **http).poll(cx) {
                this.ended(result);
            }
        }
        this.link.drive_if_unpolled(cx);
        if this.told {
            this.leave(cx);
        }
        if !this.link.is_active() && this.http.is_some() {
            this.link.rest();
        }
        if this.http.is_none() && !this.link.is_active() {
            Poll::Ready(std::mem::replace(&mut this.after, After::End))
        } else {
            Poll::Pending
        }
    }
}

/// The answer to who speaks HTTP/2 where that is not spoken (H-16).
const NOT_HTTP_2: &[u8] =
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The answer to a head that did not come in time.
const TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
