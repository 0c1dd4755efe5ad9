//! Answers for applications that fail.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::relay::Relay;
use crate::asgi::call::{Call, CallFuture};
use crate::error::Error;
use crate::outcome::Observe;
use crate::wsgi::{Body, is_lost_input};
use crate::{asgi, wsgi};

/// Reports each error and each panic of the inner application, and answers in its place while the head
/// is not out.
///
/// The answer has [`Error::status`], or 500, and says nothing of the error (W-139), unless
/// [`answer_with`](Self::answer_with) makes another.
///
/// # Contract
///
/// | the call fails | reported | then |
/// |---|---|---|
/// | before the head is out | yes | it is answered here, and the call succeeds |
/// | after it | yes | the error goes on, and the server breaks the response off (A-106, W-140) |
/// | because the client is gone | no | the error goes on unchanged (A-96, A-97) |
/// | for a WebSocket | yes | the error goes on; the server refuses or closes the socket (A-94) |
/// | for a lifespan | no | it passes untouched |
///
/// - A panic is an error of the call from here on (A-104, W-138). Each error is reported once.
/// - Asynchronous: the start of a response is kept back until content follows, so that it can be
///   replaced. No client sees a difference (A-68); what is wrong with a start is told as ever. Early
///   hints, pushes and vendor events need the start and release it; an error after one is left to the
///   server, whose own answer it is then.
/// - Synchronous: an error of the call is answered, also after
///   [`start`](wsgi::StartResponse::start), by [`restart`](wsgi::StartResponse::restart) (W-107). An
///   error of the body is reported and goes on, also before the first block: to have that block earlier
///   would keep the response waiting (W-133). The server answers it, or breaks the response off. So it is
///   with an error of [`Body::close`], after the response.
/// - A call that succeeds without a response (A-65, W-09) is left to the server.
///
/// It costs two allocations for each request, none where a synchronous body is one block, and one for each
/// thing that runs at its close.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{Request, Response};
/// use gateway_iface::middleware::CatchError;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn broken(_: asgi::Scope, _: asgi::Receive, _: asgi::Send) -> Result<(), Error> {
///     Err(Error::new("the database is down"))
/// }
///
/// let app = CatchError::new(broken, |error| eprintln!("{error}"))
///     .answer_with(|_| Response::builder().status(503).body("try again later".into()).expect("valid"));
/// let response = block_on(AsgiClient::new(app).request(Request::get("/").body("")?))?;
/// assert_eq!((response.status().as_u16(), response.text().as_ref()), (503, "try again later"));
/// # Ok::<(), Error>(())
/// ```
pub struct CatchError<A, F> {
    inner: A,
    report: Arc<F>,
    answer: Option<Arc<Answer>>,
}

type Answer = dyn Fn(&Error) -> Response<Bytes> + Send + Sync;

impl<A, F: Fn(&Error) + Send + Sync + 'static> CatchError<A, F> {
    /// Tells `report` of what goes wrong in `inner`.
    #[must_use]
    pub fn new(inner: A, report: F) -> Self {
        Self { inner, report: Arc::new(report), answer: None }
    }

    /// Answers with what this makes of the error. One that is no valid response is answered by the
    /// server.
    ///
    /// A synchronous body that fails before its first block is not answered with this: the call is over by
    /// then, and the server gives its own answer. What may fail before there is something to send belongs
    /// into the call.
    #[must_use]
    pub fn answer_with(mut self, answer: impl Fn(&Error) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        self.answer = Some(Arc::new(answer));
        self
    }

    fn answer(&self, error: &Error) -> Response<Bytes> {
        match &self.answer {
            Some(answer) => answer(error),
            None => plain(error.status().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)),
        }
    }
}

impl<A, F: Fn(&Error) + Send + Sync + 'static> CatchError<A, F> {
    fn watch(&self, body: Body) -> Body {
        let body = body.replace_closers(|close| {
            let report = Arc::clone(&self.report);
            Box::new(move || reported(&*report, guard(close)))
        });
        // It is there already, and cannot fail.
        if body.exact_len().is_some() {
            return body;
        }
        let report = Arc::clone(&self.report);
        body.replace_blocks(|blocks| Reporting { blocks, report })
    }
}

impl<A, F> CatchError<A, F> {
    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }
}

impl<A: asgi::Application, F: Fn(&Error) + Send + Sync + 'static> CatchError<A, F> {
    async fn call_http(
        &self,
        scope: asgi::Scope,
        receive: asgi::Receive,
        send: asgi::Send,
    ) -> Result<(), Error> {
        let (relay, receive, send) = Relay::new(receive, send).holding().share();
        let Err(error) = outcome(|| self.inner.call(scope, receive, send)).await else {
            return Ok(());
        };
        if error.is_disconnected() && relay.is_over() {
            return Err(error);
        }
        (self.report)(&error);
        match relay.take_unanswered() {
            Some(mut send) => Ok(send.respond(self.answer(&error)).await?),
            None => Err(error),
        }
    }

    async fn call_websocket(
        &self,
        scope: asgi::Scope,
        receive: asgi::Receive,
        send: asgi::Send,
    ) -> Result<(), Error> {
        let result = outcome(|| self.inner.call(scope, receive, send)).await;
        if let Err(error) = &result
            && !is_lost_input(error)
        {
            (self.report)(error);
        }
        result
    }
}

impl<A, F> asgi::Application for CatchError<A, F>
where
    A: asgi::Application,
    F: Fn(&Error) + Send + Sync + 'static,
{
    fn call<'a, 'b>(&'a self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        match scope {
            asgi::Scope::Http(_) => Box::pin(self.call_http(scope, receive, send)),
            asgi::Scope::WebSocket(_) => Box::pin(self.call_websocket(scope, receive, send)),
            asgi::Scope::Lifespan(_) => self.inner.call(scope, receive, send),
        }
    }
}

impl<A, F> wsgi::Application for CatchError<A, F>
where
    A: wsgi::Application,
    F: Fn(&Error) + Send + Sync + 'static,
{
    fn call(
        &self,
        environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<Body, Error> {
        let mut watching = Watching { inner: start_response, lost: false };
        let called = guard(|| self.inner.call(environ, &mut watching));
        let Watching { inner: start_response, lost } = watching;
        let error = match called {
            Ok(body) => return Ok(self.watch(body)),
            Err(error) => error,
        };
        if (lost && error.is_disconnected()) || is_lost_input(&error) {
            return Err(error);
        }
        (self.report)(&error);
        let (parts, body) = self.answer(&error).into_parts();
        start_response.restart(parts.status, parts.headers, error)?;
        Ok(body.into())
    }
}

impl<A: Clone, F> Clone for CatchError<A, F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), report: Arc::clone(&self.report), answer: self.answer.clone() }
    }
}

impl<A: fmt::Debug, F> fmt::Debug for CatchError<A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchError").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// Notes that the client is gone: an error that has no word of it may be the server's own.
struct Watching<'a> {
    inner: &'a mut dyn wsgi::StartResponse,
    lost: bool,
}

impl wsgi::StartResponse for Watching<'_> {
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        self.inner.start(status, headers)
    }

    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        self.inner.restart(status, headers, cause)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        let written = self.inner.write(data);
        self.lost |= written.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Other);
        written
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

struct Reporting<F> {
    blocks: Body,
    report: Arc<F>,
}

impl<F: Fn(&Error)> Iterator for Reporting<F> {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        reported(&*self.report, guard(|| self.blocks.next().transpose())).transpose()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.blocks.size_hint()
    }
}

/// The same result, told of where it is a fault.
fn reported<T>(report: &impl Fn(&Error), result: Result<T, Error>) -> Result<T, Error> {
    if let Err(error) = &result
        && !is_lost_input(error)
    {
        report(error);
    }
    result
}

async fn outcome<'a>(call: impl FnOnce() -> CallFuture<'a>) -> Result<(), Error> {
    let mut call = Call::new(call);
    poll_fn(|cx| call.poll(cx).map(|_| ())).await;
    call.take_result().unwrap_or(Ok(()))
}

fn guard<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| Err(Error::from_panic(&*payload)))
}

fn plain(status: StatusCode) -> Response<Bytes> {
    let text = status.canonical_reason().unwrap_or("Error");
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

#[cfg(test)]
#[path = "catch_error_tests.rs"]
mod tests;
