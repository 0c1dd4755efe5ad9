//! What a call needs of the framework that hosts it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::exchange::HostedExchange;
use crate::asgi::Disconnect;
use crate::asgi::call::Call;
use crate::error::Error;

/// What a [`Hosted`](super::Hosted) call needs of the framework's side.
///
/// # Examples
///
/// ```
/// use gateway_iface::Error;
/// use gateway_iface::adapter::{Host, Rest};
///
/// struct Tokio;
///
/// impl Host for Tokio {
///     fn spawn(&self, rest: Rest) {
///         if let Ok(runtime) = tokio::runtime::Handle::try_current() {
///             runtime.spawn(rest);
///         }
///     }
///
///     fn report(&self, error: &Error) {
///         eprintln!("the application failed: {error}");
///     }
/// }
/// ```
pub trait Host: Send + Sync {
    /// Polls what is left of a call to its end, when the framework wants no more of the response: an application goes
    /// on after its last block, and after its client left (A-06).
    ///
    /// It is asked only where something is left. Dropping the future drops the call.
    fn spawn(&self, rest: Rest);

    /// An error of the application for which there is no response any more that could tell of it: to be logged.
    fn report(&self, error: &Error);
}

/// What is left of a call; when it is dropped, so is the call, which is told of a
/// [`Shutdown`](Disconnect::Shutdown).
#[must_use = "an application is polled to its end"]
pub struct Rest {
    call: Call<'static>,
    exchange: Arc<HostedExchange>,
}

impl Rest {
    pub(super) const fn new(call: Call<'static>, exchange: Arc<HostedExchange>) -> Self {
        Self { call, exchange }
    }
}

impl Future for Rest {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.call.poll(cx).is_pending() && !this.call.is_over() {
            return Poll::Pending;
        }
        if let Some(result) = this.call.take_result() {
            this.exchange.end(result);
        }
        Poll::Ready(())
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        if !self.call.is_over() {
            self.exchange.lose(Disconnect::Shutdown);
            self.call.cancel();
            self.exchange.finish();
        }
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("over", &self.call.is_over()).finish_non_exhaustive()
    }
}
