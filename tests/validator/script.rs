//! A server that does what its script says.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use gateway_iface::asgi::event::{Accept, ReceiveEvent, RequestBody, SendEvent, WebSocketDisconnect};
use gateway_iface::asgi::{
    self, Application as _, Disconnect, Exchange, InvalidEvent, LifespanScope, Receive, Scope, SendError,
    WebSocketScope,
};
use gateway_iface::http::{HeaderValue, Method};
use gateway_iface::{Error, Observe, Observers};

use crate::fixtures::{Seen, collecting, head, seen};

pub(crate) type Answer = Poll<Result<(), SendError>>;

/// A server that does what its script says.
pub(crate) struct Script {
    /// What `receive` gives, one after the other; nothing is a wait.
    pub(crate) events: Mutex<VecDeque<Option<ReceiveEvent>>>,
    pub(crate) disconnect: Option<Disconnect>,
    /// What a flush fails with.
    pub(crate) lost: Option<Disconnect>,
    pub(crate) answer: fn(&mut Option<SendEvent>) -> Answer,
    pub(crate) observers: Mutex<Observers>,
}

impl Script {
    pub(crate) fn new<const N: usize>(events: [Option<ReceiveEvent>; N]) -> Self {
        Self {
            events: Mutex::new(events.into()),
            disconnect: None,
            lost: None,
            answer: accept,
            observers: Mutex::default(),
        }
    }

    pub(crate) fn answering(answer: fn(&mut Option<SendEvent>) -> Answer) -> Self {
        Self { answer, ..Self::new([]) }
    }
}

impl Exchange for Script {
    fn poll_receive(&self, _: &mut Context<'_>) -> Poll<ReceiveEvent> {
        self.events.lock().unwrap().pop_front().flatten().map_or(Poll::Pending, Poll::Ready)
    }

    fn poll_disconnect(&self, _: &mut Context<'_>) -> Poll<Disconnect> {
        self.disconnect.map_or(Poll::Pending, Poll::Ready)
    }

    fn poll_send(&self, _: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Answer {
        (self.answer)(slot)
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Answer {
        Poll::Ready(self.lost.map_or(Ok(()), |reason| Err(reason.into())))
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.observers.lock().unwrap().add(observer);
    }
}

pub(crate) fn accept(slot: &mut Option<SendEvent>) -> Answer {
    *slot = None;
    Poll::Ready(Ok(()))
}

pub(crate) fn refuse(slot: &mut Option<SendEvent>) -> Answer {
    let name = slot.take().map_or("", |event| event.name());
    Poll::Ready(Err(InvalidEvent::new(name, "because").into()))
}

/// What is seen while an application is called by that server, polled twice, and dropped.
pub(crate) fn call<F>(scope: impl Into<Scope>, server: Script, app: fn(Receive, asgi::Send) -> F) -> Seen
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (app, violations) =
        collecting(move |_: Scope, receive: Receive, send: asgi::Send| app(receive, send));
    let server = Arc::new(server);
    let call = app.call(scope.into(), Receive::shared(server.clone()), asgi::Send::shared(server.clone()));
    let mut call = Some(call);
    for _ in 0..2 {
        let polled = call.as_mut().map(|call| call.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        if polled.is_some_and(|polled| polled.is_ready()) {
            call = None;
        }
    }
    drop(call);
    // With the last half the server is gone, and has told its observers.
    server.observers.lock().unwrap().finish(server.disconnect);
    seen(&violations)
}

pub(crate) fn http() -> Scope {
    asgi::HttpScope::new(head(Method::GET, "/")).into()
}

pub(crate) fn upload(length: &'static str) -> Scope {
    let mut head = head(Method::POST, "/");
    head.headers_mut().insert("content-length", HeaderValue::from_static(length));
    asgi::HttpScope::new(head).into()
}

pub(crate) fn socket() -> Scope {
    WebSocketScope::new(head(Method::GET, "/")).into()
}

pub(crate) fn lifespan() -> Scope {
    LifespanScope::default().into()
}

pub(crate) fn request(block: &'static str, more: bool) -> Option<ReceiveEvent> {
    Some(ReceiveEvent::HttpRequest(if more { RequestBody::block(block) } else { RequestBody::last(block) }))
}

pub(crate) fn gone(reason: Disconnect) -> Option<ReceiveEvent> {
    Some(ReceiveEvent::HttpDisconnect(reason))
}

pub(crate) fn closed(code: u16) -> Option<ReceiveEvent> {
    Some(ReceiveEvent::WebSocketDisconnect(WebSocketDisconnect::new(code, Disconnect::Client)))
}

/// Asks for an event, and takes a wait for an answer.
pub(crate) async fn ask(receive: &mut Receive) {
    poll_fn(|cx| {
        let _ = receive.poll_receive(cx);
        Poll::Ready(())
    })
    .await;
}

pub(crate) async fn ask_thrice(mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    for _ in 0..3 {
        ask(&mut receive).await;
    }
    let _ = send.text(200, "done").await;
    Ok(())
}

pub(crate) async fn hello(_: Receive, mut send: asgi::Send) -> Result<(), Error> {
    Ok(send.text(200, "hello").await?)
}

pub(crate) async fn accept_socket(mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    ask(&mut receive).await;
    send.send(Accept::new()).await?;
    for _ in 0..3 {
        ask(&mut receive).await;
    }
    Ok(())
}

pub(crate) async fn serve_lifespan(mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    ask(&mut receive).await;
    let _ = send.send(SendEvent::StartupComplete).await;
    ask(&mut receive).await;
    let _ = send.send(SendEvent::ShutdownComplete).await;
    ask(&mut receive).await;
    Ok(())
}

pub(crate) fn lose(slot: &mut Option<SendEvent>, reason: Disconnect) -> Answer {
    *slot = None;
    Poll::Ready(Err(reason.into()))
}
