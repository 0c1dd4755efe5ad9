//! The one trait of the synchronous interface.

use std::sync::Arc;

use super::{Body, Environ, StartResponse};
use crate::error::Error;

/// What answers a request, on the calling thread.
///
/// Functions, closures, `Arc<A>` and `Box<dyn Application>` are applications too. `&A` cannot be one
/// beside closures (a reference to a closure is a closure); use `Arc<A>`.
///
/// # Contract
///
/// An **application**
/// - can be called any number of times, from several threads at once (W-03, W-55);
/// - has called [`StartResponse::start`] when it returns, also when the body is empty (W-06, W-07).
///   One that learns its status only while it produces the body takes the first block before it
///   returns (W-08);
/// - returns blocks of octets, and never sends a hop-by-hop header (W-63, W-99, W-128);
/// - releases what it holds in [`Body::on_close`], because the server may stop early (W-16).
///
/// A **server**
/// - calls it once a request and does not look inside (W-01, W-02);
/// - gives each call an [`Environ`] of its own (W-04);
/// - answers an error or a panic by the table of [`Error`], and closes the body exactly once on every
///   path (W-12, W-13, W-138). [`run`](super::run()) does all of this.
///
/// A **middleware** is both: it returns as soon as the inner application has (W-133), gives at least
/// one block for each inner one (W-132), removes or mends `content-length` when it changes the size
/// (W-130), and keeps the inner body's close: [`Body::map`] does (W-134).
///
/// # Examples
///
/// ```
/// use gateway_iface::Error;
/// use gateway_iface::http::{HeaderMap, HeaderValue, Request, StatusCode};
/// use gateway_iface::wsgi::{Application, Body, Environ, StartResponse};
///
/// fn hello(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
///     let mut headers = HeaderMap::new();
///     headers.insert("content-type", HeaderValue::from_static("text/plain"));
///     start_response.start(StatusCode::OK, headers)?;
///     Ok(Body::from(format!("hello {}\n", environ.path_info())))
/// }
///
/// struct Twice<A>(A);
///
/// impl<A: Application> Application for Twice<A> {
///     fn call(&self, environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
///         let body = self.0.call(environ, start_response)?;
///         Ok(body.map(|block| Ok([&block[..], &block[..]].concat().into())))
///     }
/// }
///
/// let app: Box<dyn Application> = Box::new(Twice(hello));
/// # use gateway_iface::wsgi::{Transport, run};
/// # #[derive(Default)]
/// # struct Memory(Vec<u8>);
/// # impl Transport for Memory {
/// #     fn head(&mut self, _: StatusCode, _: HeaderMap, _: Option<u64>) -> std::io::Result<()> { Ok(()) }
/// #     fn block(&mut self, data: bytes::Bytes) -> std::io::Result<()> { self.0.extend(data); Ok(()) }
/// # }
/// # let mut transport = Memory::default();
/// let environ = Environ::from_request(Request::get("/x").body("")?);
/// run(&app, environ, &mut transport)?;
/// assert_eq!(transport.0, b"hello /x\nhello /x\n");
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a synchronous application",
    label = "not a `wsgi::Application`",
    note = "implement `wsgi::Application`, or pass a function or closure with the signature \
            `(Environ, &mut dyn StartResponse) -> Result<Body, Error>` that is `Send + Sync`; \
            closures need both parameter types written out"
)]
pub trait Application: Send + Sync {
    /// Answers one request.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from answering. The server answers with [`Error::status`] or 500 as long as
    /// the head is not out, and breaks the connection off afterwards (W-138 to W-140).
    fn call(&self, environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error>;
}

impl<F> Application for F
where
    F: Fn(Environ, &mut dyn StartResponse) -> Result<Body, Error> + Send + Sync,
{
    fn call(&self, environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        self(environ, start_response)
    }
}

impl<A: Application + ?Sized> Application for Arc<A> {
    fn call(&self, environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        (**self).call(environ, start_response)
    }
}

impl Application for Box<dyn Application> {
    fn call(&self, environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        (**self).call(environ, start_response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(_: Environ, _: &mut dyn StartResponse) -> Result<Body, Error> {
        Ok(Body::empty())
    }

    fn assert_app<A: Application + 'static>(app: A) -> Arc<dyn Application> {
        Arc::new(app)
    }

    #[test]
    fn w_02_function_closure_type_and_object_are_applications() {
        let greeting = String::from("captured");
        let closure = move |_: Environ, _: &mut dyn StartResponse| Ok(Body::from(greeting.clone()));
        assert_app(app);
        let shared = assert_app(closure);
        let boxed: Box<dyn Application> = Box::new(shared.clone());
        assert_app(boxed);
        assert_app(assert_app(shared));
    }

    #[test]
    fn w_55_applications_bodies_and_environs_cross_threads() {
        fn send<T: Send>() {}
        fn sync<T: Sync + ?Sized>() {}
        send::<Environ>();
        send::<Body>();
        send::<Arc<dyn Application>>();
        sync::<dyn Application>();
    }
}
