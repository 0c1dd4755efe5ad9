//! What goes on behind the answer to a handshake.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use gateway_iface::asgi::Disconnect;
use tokio::io::{AsyncRead, AsyncWrite};

use super::driver::Driver;
use super::session::Session;
use super::watch::Watch;

impl<W: Watch> Session<W> {
    /// Goes on with what is left once the handshake is answered: drives the socket, where the application accepted
    /// it, and the call to its end in any case.
    ///
    /// `upgraded` is the connection as it is once the answer is out; it is waited for only if the socket opens.
    /// Where it fails, the application is told that its client is lost. Frameworks that take the connection
    /// over only when the handler has returned leave no choice but to run this in a task of its own.
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes the connection, and drops the call.
    pub async fn run<Io: AsyncRead + AsyncWrite + Unpin>(
        self,
        upgraded: impl Future<Output = io::Result<Io>>,
    ) {
        self.run_until(upgraded, pending()).await;
    }

    /// Goes on as [`run`](Self::run) does, until the server shuts down: when `stopping` is ready, an open socket is
    /// closed with 1001 (S-59), and the application is told so. The call still runs to its end.
    ///
    /// # Cancel safety
    ///
    /// As for [`run`](Self::run).
    pub async fn run_until<Io: AsyncRead + AsyncWrite + Unpin>(
        mut self,
        upgraded: impl Future<Output = io::Result<Io>>,
        stopping: impl Future<Output = ()>,
    ) {
        let mut stopping = Stopping { future: pin!(stopping), told: false };
        if self.is_accepted() {
            let mut upgraded = pin!(upgraded);
            let upgraded = poll_fn(|cx| {
                if stopping.poll(cx) {
                    self.shut_down();
                }
                // The application need not wait for the answer to be out.
                self.poll_call(cx);
                upgraded.as_mut().poll(cx)
            });
            if let Ok(io) = upgraded.await {
                let mut driver = Driver::new(self, io);
                return poll_fn(|cx| {
                    if stopping.poll(cx) {
                        driver.shut_down();
                    }
                    Pin::new(&mut driver).poll(cx)
                })
                .await;
            }
            if self.lose(Disconnect::Client) && self.settings().cancel_on_disconnect {
                self.cancel();
            }
        }
        poll_fn(|cx| {
            if stopping.poll(cx) {
                self.shut_down();
            }
            self.poll_rest(cx)
        })
        .await;
    }

    /// Polls the call to its end, while someone else takes the [body](crate::Content) of a denial.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the call.
    pub async fn finish(mut self) {
        poll_fn(|cx| self.poll_rest(cx)).await;
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_call(cx);
        self.wake();
        if self.is_active() { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// The server's word that it shuts down, which is passed on once.
struct Stopping<'a, F> {
    future: Pin<&'a mut F>,
    told: bool,
}

impl<F: Future<Output = ()>> Stopping<'_, F> {
    /// Whether it is time to pass it on.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let tells = !self.told && self.future.as_mut().poll(cx).is_ready();
        self.told |= tells;
        tells
    }
}
