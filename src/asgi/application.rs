//! The trait that applications, middleware and framework adapters implement.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;

use super::call::CallFuture;
use super::{Receive, Scope};
use crate::error::Error;

/// An asynchronous application: it is called for one request, one WebSocket or one lifespan.
///
/// Async functions and closures `Fn(Scope, Receive, asgi::Send) -> impl Future` are applications, and
/// so are `Arc<A>` and `Box<dyn Application>`. A type of its own implements the trait with
/// [`async_trait`](crate::async_trait).
///
/// # Contract
///
/// For an application:
/// - it is called any number of times, also at the same time (A-01);
/// - it returns [`UnsupportedScope`](crate::UnsupportedScope) for a scope that it does not know,
///   before it sends anything (A-05);
/// - what its events must look like is told at [`asgi::Send`](super::Send) and checked there.
///
/// For a server:
/// - it calls once for each connection in the sense of A-01, and polls the future to its end, also
///   after the response is complete or the client is gone (A-06), unless its operator asked for
///   something else;
/// - an error, or a panic, ends that exchange only (A-104); [`Error`] has the table of what is done.
///
/// For a middleware:
/// - it changes its own copy of the scope, before it calls the inner application (A-141, A-142);
/// - one that is about HTTP passes WebSocket and lifespan on untouched (A-144);
/// - one that only looks returns the inner future as it is, and costs no allocation: write `call`
///   without `async_trait`, as [`Counter`](crate::middleware::Counter) does.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use gateway_iface::{Error, asgi, async_trait};
///
/// struct Greeter {
///     greeting: String,
/// }
///
/// #[async_trait]
/// impl asgi::Application for Greeter {
///     async fn call(&self, scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///         scope.into_http()?;
///         send.text(200, self.greeting.clone()).await?;
///         Ok(())
///     }
/// }
///
/// async fn plain(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.text(200, "plain").await?;
///     Ok(())
/// }
///
/// let apps: Vec<Arc<dyn asgi::Application>> = vec![Arc::new(Greeter { greeting: "hi".into() }), Arc::new(plain)];
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # use gateway_iface::http::Request;
/// for (app, body) in apps.into_iter().zip(["hi", "plain"]) {
///     let request = Request::get("/").body("")?;
///     assert_eq!(block_on(AsgiClient::new(app).request(request))?.body(), body);
/// }
/// # Ok::<(), Error>(())
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an asynchronous application",
    note = "an application is `async fn(asgi::Scope, asgi::Receive, asgi::Send) -> Result<(), Error>`, a closure like it, or a type that implements `asgi::Application`",
    note = "a synchronous application is wrapped by `bridge::WsgiToAsgi`"
)]
pub trait Application: Send + Sync {
    /// Serves what the scope tells of.
    ///
    /// # Errors
    ///
    /// Any; [`Error`] tells what a server does with it.
    async fn call(&self, scope: Scope, receive: Receive, send: super::Send) -> Result<(), Error>;
}

impl<F, Fut> Application for F
where
    F: Fn(Scope, Receive, super::Send) -> Fut + Send + Sync,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    fn call<'a, 'b>(&'a self, scope: Scope, receive: Receive, send: super::Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self(scope, receive, send))
    }
}

impl<A: Application + ?Sized> Application for Arc<A> {
    fn call<'a, 'b>(&'a self, scope: Scope, receive: Receive, send: super::Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        (**self).call(scope, receive, send)
    }
}

impl Application for Box<dyn Application> {
    fn call<'a, 'b>(&'a self, scope: Scope, receive: Receive, send: super::Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        (**self).call(scope, receive, send)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_application<A: Application>() {}

    #[test]
    fn trait_objects_and_generic_arcs_are_applications() {
        is_application::<Arc<dyn Application>>();
        is_application::<Box<dyn Application>>();
        is_application::<Arc<Arc<dyn Application>>>();
    }
}
