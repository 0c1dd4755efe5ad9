//! A call that its connection went on without.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use gateway_iface::Error;
use tokio_util::sync::ReusableBoxFuture;

use crate::control::Control;
use crate::exchange::HttpExchange;

/// A call that outlives its place on the connection; when it is dropped, so is the call.
pub(super) struct Detached {
    future: ReusableBoxFuture<'static, Result<(), Error>>,
    exchange: Arc<HttpExchange>,
    control: Arc<Control>,
}

impl Detached {
    pub(super) const fn new(
        future: ReusableBoxFuture<'static, Result<(), Error>>,
        exchange: Arc<HttpExchange>,
        control: Arc<Control>,
    ) -> Self {
        Self { future, exchange, control }
    }
}

impl Future for Detached {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let result = match catch_unwind(AssertUnwindSafe(|| this.future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => {
                this.control.counters().returned(&result);
                result
            }
            Err(payload) => {
                this.control.counters().panicked();
                Err(Error::from_panic(&*payload))
            }
        };
        this.exchange.end(&result);
        Poll::Ready(())
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        self.exchange.abandon();
        self.control.counters().request_ended();
    }
}
