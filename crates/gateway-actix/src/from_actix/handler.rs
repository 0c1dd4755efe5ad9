//! One call on the thread of its worker.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use actix_service::Service;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ResponseHead;
use gateway_iface::adapter::{Failed, RequestBody};
use gateway_iface::asgi::event::ResponseStart;
use gateway_iface::asgi::{self, Disconnect, Receive};
use gateway_iface::{Error, RequestHead};
use http::{HeaderMap, StatusCode, header};

use super::handover::Giver;
use super::request::{incoming, request, version};
use super::websocket;
use super::workers::Load;
use crate::fields;
use crate::under_way::UnderWay;

/// A call for a worker.
pub(super) struct Job {
    pub(super) head: Box<RequestHead>,
    pub(super) task: Task,
    pub(super) giver: Giver,
    pub(super) load: Load,
}

/// What the call is for.
pub(super) enum Task {
    Http(RequestBody),
    WebSocket(Receive, asgi::Send),
}

/// Has the service answer, unless the call is dropped or its client leaves first: then the handler is dropped, as
/// actix would.
pub(super) async fn run<S, B>(service: &S, ready: Ready<S::Error>, job: Job, under_way: UnderWay)
where
    S: Service<actix_http::Request>,
    S::Error: Into<actix_web::Error>,
    S::Response: Into<actix_http::Response<B>>,
    B: MessageBody,
{
    let Job { head, task, giver, load } = job;
    let mut serving = pin!(async {
        let ready = ready?;
        match task {
            Task::Http(body) => {
                let version = version(head.version());
                let request = request(*head, incoming(body), under_way, version)?;
                respond(service, ready, request, &giver).await
            }
            Task::WebSocket(receive, send) => {
                websocket::serve(service, ready, *head, receive, send, under_way).await
            }
        }
    });
    let result = poll_fn(|cx| {
        if giver.poll_gone(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let polled = caught(|| serving.as_mut().poll(cx));
        if polled.is_pending() {
            giver.deliver();
        }
        polled.map(|served| served.and_then(|result| result))
    })
    .await;
    giver.end(result);
    drop(load);
}

/// What the service said when it was asked whether it is ready: for one request.
pub(super) type Ready<E> = Result<Result<(), E>, Error>;

/// Polls; a panic is an error.
pub(super) fn caught<T>(poll: impl FnOnce() -> Poll<T>) -> Poll<Result<T, Error>> {
    match catch_unwind(AssertUnwindSafe(poll)) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(Error::from_panic(&*panic))),
    }
}

async fn respond<S, B>(
    service: &S,
    ready: Result<(), S::Error>,
    request: actix_http::Request,
    giver: &Giver,
) -> Result<(), Error>
where
    S: Service<actix_http::Request>,
    S::Error: Into<actix_web::Error>,
    S::Response: Into<actix_http::Response<B>>,
    B: MessageBody,
{
    match answer(service, ready, request).await {
        Ok(response) => give(response, giver).await,
        Err(response) => give(response, giver).await,
    }
}

/// The handler's response, or that of its error.
pub(super) async fn answer<S, B>(
    service: &S,
    ready: Result<(), S::Error>,
    request: actix_http::Request,
) -> Result<actix_http::Response<B>, actix_http::Response<BoxBody>>
where
    S: Service<actix_http::Request>,
    S::Error: Into<actix_web::Error>,
    S::Response: Into<actix_http::Response<B>>,
{
    let answered = match ready {
        Ok(()) => service.call(request).await,
        Err(error) => Err(error),
    };
    answered.map(Into::into).map_err(|error| error.into().error_response().into())
}

/// Gives head and body, with no more than there is room for.
async fn give<B: MessageBody>(response: actix_http::Response<B>, giver: &Giver) -> Result<(), Error> {
    let failed = response.extensions().get::<Failed>().cloned();
    let (head, body) = response.into_parts();
    giver.start(start(head.head(), body.size())?, failed);
    let body = match body.try_into_bytes() {
        Ok(whole) => {
            giver.block(whole);
            return Ok(());
        }
        Err(body) => body,
    };
    let mut body = pin!(body);
    loop {
        poll_fn(|cx| giver.poll_room(cx)).await;
        match poll_fn(|cx| body.as_mut().poll_next(cx)).await {
            Some(Ok(block)) => giver.block(block),
            Some(Err(error)) => return Err(failure(&*error.into())),
            None => return Ok(()),
        }
    }
}

/// The head, with the length that actix would give it.
fn start(head: &ResponseHead, size: BodySize) -> Result<ResponseStart, Error> {
    let status = status(head.status)?;
    let mut headers: HeaderMap = fields::from_actix(head.headers())?;
    match size {
        // The length of a 304 is that of what it stands for (H-79).
        _ if status == StatusCode::NOT_MODIFIED => {}
        BodySize::Sized(length) if status != StatusCode::NO_CONTENT => {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        BodySize::Stream if !head.chunked() => {}
        _ => {
            headers.remove(header::CONTENT_LENGTH);
        }
    }
    Ok(ResponseStart::new(status, headers))
}

/// The status in this version of `http`.
pub(super) fn status(status: actix_web::http::StatusCode) -> Result<StatusCode, Error> {
    StatusCode::from_u16(status.as_u16()).map_err(Error::new)
}

/// What a body failed with. It may not be sent to another thread, so it goes as text, unless it is what an
/// application behind actix left, or the loss of the client that the handler passes on.
pub(super) fn failure(error: &(dyn StdError + 'static)) -> Error {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(failed) = error.downcast_ref::<Failed>() {
            return Error::new(failed.clone());
        }
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let told = inside.and_then(|inside| inside.downcast_ref::<Disconnect>());
        if let Some(&reason) = told.or_else(|| error.downcast_ref()) {
            return reason.into();
        }
        cause = error.source();
    }
    Error::new(error.to_string())
}
