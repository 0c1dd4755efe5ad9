//! The asynchronous interface.

mod call;
mod http;
mod lifespan;
mod protocol;
mod receive;
mod send;
mod state;
mod watch;
mod websocket;

use std::sync::Arc;

use self::call::ValidCall;
use self::receive::{ReceiveCell, ValidReceive};
use self::send::ValidSend;
use self::watch::Watch;
use super::validator::Validator;
use super::witness::Witness;
use crate::asgi::call::CallFuture;
use crate::asgi::{Application, Receive, Scope, Send};

impl<A: Application> Application for Validator<A> {
    fn call<'a, 'b>(&'a self, mut scope: Scope, receive: Receive, send: Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let watch = Arc::new(Watch::begin(&self.settings, &mut scope));
        if let Some(violation) = watch.check_scope(&scope) {
            watch.over();
            // Not before it is polled: servers catch what the future does.
            return Box::pin(async move {
                watch.session.raise(violation).map_or(Ok(()), |violation| Err(violation.into()))
            });
        }
        if scope.head().is_some() {
            send.observe(Witness::new(&watch));
        }
        let cell = ReceiveCell::new(receive);
        let receive = Receive::new(ValidReceive::new(cell.clone(), Arc::clone(&watch)));
        let send = Send::shared(Arc::new(ValidSend::new(send, Arc::clone(&watch))));
        Box::pin(ValidCall::new(self.inner.call(scope, receive, send), watch, cell))
    }
}
