use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, Method, Request, StatusCode};

use super::super::{Host, Hosted, RequestBody, Rest};
use crate::asgi::event::ReceiveEvent;
use crate::asgi::{self, Application, Disconnect, Scope};
use crate::error::{BoxError, Error};
use crate::request::RequestHead;
use crate::testing::block_on;

/// A framework: it keeps what is left of calls, and what it was told of.
#[derive(Default)]
struct Framework {
    rests: Mutex<Vec<Rest>>,
    reports: Mutex<Vec<String>>,
}

impl Host for Framework {
    fn spawn(&self, rest: Rest) {
        self.rests.lock().unwrap().push(rest);
    }

    fn report(&self, error: &Error) {
        self.reports.lock().unwrap().push(error.to_string());
    }
}

impl Framework {
    fn begin(self: &Arc<Self>, app: impl Application + 'static, method: Method, body: Blocks) -> Hosted {
        let request = Request::builder().method(method).uri("/").body(()).unwrap();
        Hosted::begin(Arc::new(app), RequestHead::new(request.into_parts().0), body, self.clone())
    }

    fn get(self: &Arc<Self>, app: impl Application + 'static) -> Hosted {
        self.begin(app, Method::GET, Blocks::default())
    }

    fn finish(&self) {
        for rest in self.rests.lock().unwrap().drain(..) {
            block_on(rest);
        }
    }
}

/// The body of a request: what it has, and then nothing, ever, unless it is to end.
#[derive(Default)]
struct Blocks {
    blocks: VecDeque<Result<Bytes, BoxError>>,
    endless: bool,
}

impl Stream for Blocks {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.blocks.pop_front() {
            None if self.endless => Poll::Pending,
            block => Poll::Ready(block),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, (self.blocks.is_empty() && !self.endless).then_some(0))
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn head(call: &mut Hosted) -> StatusCode {
    block_on(poll_fn(|cx| call.poll_head(cx))).unwrap().status
}

fn rest_of(call: &mut Hosted) -> Result<Vec<Bytes>, String> {
    let mut blocks = Vec::new();
    while let Some(block) = block_on(poll_fn(|cx| call.poll_block(cx))) {
        blocks.push(block.map_err(|failed| failed.to_string())?);
    }
    Ok(blocks)
}

async fn endless(scope: Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    loop {
        send.block(vec![b'x'; 8 * 1024]).await?;
    }
}

#[test]
fn a_11_application_is_held_up_until_the_framework_takes_what_is_there() {
    static SENT: AtomicUsize = AtomicUsize::new(0);
    let app = |_: Scope, _: asgi::Receive, mut send: asgi::Send| async move {
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        loop {
            send.block(vec![b'x'; 8 * 1024]).await?;
            SENT.fetch_add(1, Ordering::SeqCst);
        }
    };
    let framework = Arc::new(Framework::default());
    let mut call = framework.get(app);
    head(&mut call);
    assert_eq!(SENT.load(Ordering::SeqCst), 8, "64 KiB in blocks of 8");
    for _ in 0..8 {
        block_on(poll_fn(|cx| call.poll_block(cx))).unwrap().unwrap();
    }
    assert_eq!(SENT.load(Ordering::SeqCst), 8, "it runs when it is polled for more");
    block_on(poll_fn(|cx| call.poll_block(cx))).unwrap().unwrap();
    assert_eq!(SENT.load(Ordering::SeqCst), 16);
}

#[test]
fn a_68_a_106_failure_before_content_is_no_response_and_after_it_breaks_it_off() {
    let app = |fails_early: bool| {
        move |_: Scope, _: asgi::Receive, mut send: asgi::Send| async move {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            if !fails_early {
                send.block("begun").await?;
            }
            Err(Error::new("on purpose").with_status(StatusCode::IM_A_TEAPOT))
        }
    };
    let framework = Arc::new(Framework::default());
    let mut early = framework.get(app(true));
    let failed = block_on(poll_fn(|cx| early.poll_head(cx))).unwrap_err();
    assert_eq!((failed.status(), failed.to_string().as_str()), (StatusCode::IM_A_TEAPOT, "on purpose"));

    let mut late = framework.get(app(false));
    head(&mut late);
    assert_eq!(block_on(poll_fn(|cx| late.poll_block(cx))).unwrap().unwrap(), "begun");
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let first = late.poll_block(&mut Context::from_waker(&waker));
    assert!(first.is_pending(), "time to send what was given");
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    for _ in 0..2 {
        let failed = block_on(poll_fn(|cx| late.poll_block(cx))).unwrap().unwrap_err();
        assert_eq!(failed.to_string(), "on purpose", "it never looks like the end");
    }
    assert!(framework.reports.lock().unwrap().is_empty(), "the framework was told by the response");
}

#[test]
fn a_104_panic_is_an_error_of_the_call() {
    let app = |_: Scope, _: asgi::Receive, _: asgi::Send| async {
        std::panic::resume_unwind(Box::new("on purpose"))
    };
    let mut call = Arc::new(Framework::default()).get(app);
    let failed = block_on(poll_fn(|cx| call.poll_head(cx))).unwrap_err();
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(failed.is_fault());
}

#[test]
fn a_06_a_95_dropped_response_is_a_lost_client_and_the_call_goes_on_to_its_end() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    let app = |scope: Scope, receive: asgi::Receive, send: asgi::Send| async move {
        let result = endless(scope, receive, send).await;
        ENDED.fetch_add(1, Ordering::SeqCst);
        assert!(result.as_ref().unwrap_err().is_disconnected());
        result
    };
    let framework = Arc::new(Framework::default());
    let mut call = framework.get(app);
    head(&mut call);
    drop(call);
    framework.finish();
    assert_eq!(ENDED.load(Ordering::SeqCst), 1);
    assert!(framework.reports.lock().unwrap().is_empty(), "A-96: a lost client is no fault");
}

#[test]
fn a_06_application_that_fails_when_its_response_is_out_is_reported() {
    let app = |_: Scope, _: asgi::Receive, mut send: asgi::Send| async move {
        send.text(200, "whole").await?;
        Err(Error::new("too late"))
    };
    let framework = Arc::new(Framework::default());
    let mut call = framework.get(app);
    head(&mut call);
    assert_eq!(call.take_whole().unwrap(), "whole");
    assert!(call.is_end());
    assert_eq!(*framework.reports.lock().unwrap(), ["too late"]);
}

#[test]
fn a_75_response_without_a_body_is_not_lost_when_the_framework_drops_it() {
    let app = |_: Scope, mut receive: asgi::Receive, mut send: asgi::Send| async move {
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        send.block("hidden").await?;
        let reason = receive.disconnected().await;
        assert_eq!(reason, Disconnect::Complete);
        send.last("hidden").await?;
        Err(Error::new("got to the end"))
    };
    let framework = Arc::new(Framework::default());
    let mut call = framework.begin(app, Method::HEAD, Blocks::default());
    head(&mut call);
    drop(call);
    framework.finish();
    assert_eq!(*framework.reports.lock().unwrap(), ["got to the end"]);
}

#[test]
fn a_75_sender_that_no_one_sees_is_paused_and_at_some_point_ended() {
    let app = |_: Scope, _: asgi::Receive, mut send: asgi::Send| async move {
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        loop {
            send.block("hidden").await?;
        }
    };
    let framework = Arc::new(Framework::default());
    let mut call = framework.begin(app, Method::HEAD, Blocks::default());
    head(&mut call);
    drop(call);
    framework.finish();
}

#[test]
fn a_67_body_that_is_cut_is_a_lost_client_and_its_error_is_kept() {
    let app = |_: Scope, mut receive: asgi::Receive, _: asgi::Send| async move {
        assert_eq!(receive.block().await?.unwrap(), "one");
        receive.body(9).await?;
        unreachable!("it was cut");
    };
    let blocks = VecDeque::from([Ok(Bytes::from("one")), Err("too large".into())]);
    let mut call = Arc::new(Framework::default()).begin(app, Method::POST, Blocks { blocks, endless: true });
    let failed = block_on(poll_fn(|cx| call.poll_head(cx))).unwrap_err();
    assert_eq!((failed.status(), failed.to_string().as_str()), (StatusCode::BAD_REQUEST, "too large"));
    assert!(
        !failed.is_fault() && Error::from(failed).is_disconnected(),
        "A-96: it is not the application's fault"
    );
}

#[test]
fn a_100_loss_is_told_to_who_waits_for_the_end_alone_and_what_was_read_meanwhile_is_kept() {
    let app = |_: Scope, mut receive: asgi::Receive, _: asgi::Send| async move {
        let ended = poll_fn(|cx| Poll::Ready(receive.poll_disconnect(cx))).await;
        assert!(ended.is_pending());
        let event = receive.receive().await;
        assert!(matches!(event, ReceiveEvent::HttpRequest(body) if body.body == "one" && body.more_body));
        let event = receive.receive().await;
        assert!(matches!(event, ReceiveEvent::HttpRequest(body) if body.body == "two" && !body.more_body));
        assert_eq!(receive.disconnected().await, Disconnect::Client);
        Err(Error::new("told"))
    };
    let blocks = ["one", "two"].map(|block| Ok(Bytes::from(block))).into();
    let framework = Arc::new(Framework::default());
    let mut call = framework.begin(app, Method::POST, Blocks { blocks, endless: false });
    assert!(call.poll_head(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(call);
    framework.finish();
    assert_eq!(*framework.reports.lock().unwrap(), ["told"]);
}

#[test]
fn a_12_a_13_half_in_another_task_wakes_the_framework_and_is_woken_by_it() {
    static KEPT: Mutex<Option<asgi::Send>> = Mutex::new(None);
    let app = |_: Scope, _: asgi::Receive, send: asgi::Send| async move {
        *KEPT.lock().unwrap() = Some(send);
        pending::<Result<(), Error>>().await
    };
    let framework = Arc::new(Framework::default());
    let mut call = framework.get(app);
    let (ours, theirs) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
    let (our_waker, their_waker) = (Waker::from(ours.clone()), Waker::from(theirs.clone()));
    assert!(call.poll_head(&mut Context::from_waker(&our_waker)).is_pending());
    let mut send = KEPT.lock().unwrap().take().unwrap();
    block_on(send.start(StatusCode::OK, HeaderMap::new())).unwrap();
    let mut filled = 0;
    let mut cx = Context::from_waker(&their_waker);
    while send.poll_block(&mut cx, &mut Some(Bytes::from("block")), true).is_ready() {
        filled += 1;
    }
    assert!(ours.0.load(Ordering::SeqCst) >= 1);
    head(&mut call);
    assert_eq!(theirs.0.load(Ordering::SeqCst), 0);
    block_on(poll_fn(|cx| call.poll_block(cx))).unwrap().unwrap();
    assert_eq!((filled, theirs.0.load(Ordering::SeqCst)), (16, 1));
    block_on(send.last("")).unwrap();
    assert_eq!(rest_of(&mut call).unwrap().len(), 15);
}

#[test]
fn a_06_rest_that_is_dropped_is_told_of_the_shutdown() {
    static TOLD: Mutex<Option<Disconnect>> = Mutex::new(None);
    struct Tells(asgi::Receive);
    impl Drop for Tells {
        fn drop(&mut self) {
            let polled = self.0.poll_disconnect(&mut Context::from_waker(Waker::noop()));
            *TOLD.lock().unwrap() = if let Poll::Ready(reason) = polled { Some(reason) } else { None };
        }
    }
    let app = |_: Scope, receive: asgi::Receive, mut send: asgi::Send| async move {
        let _tells = Tells(receive);
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        send.block("hidden").await?;
        pending::<Result<(), Error>>().await
    };
    let framework = Arc::new(Framework::default());
    let mut call = framework.begin(app, Method::HEAD, Blocks::default());
    head(&mut call);
    drop(call);
    framework.rests.lock().unwrap().clear();
    assert_eq!(*TOLD.lock().unwrap(), Some(Disconnect::Shutdown));
}

#[test]
fn calls_and_bodies_go_to_other_threads_and_are_shared_as_boxed_bodies_are() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<(Hosted, RequestBody)>();
}

#[test]
fn h_57_client_that_waits_for_100_is_not_asked_for_its_body_by_waiting_for_the_end() {
    let app = |_: Scope, mut receive: asgi::Receive, mut send: asgi::Send| async move {
        assert!(poll_fn(|cx| Poll::Ready(receive.poll_disconnect(cx))).await.is_pending());
        Ok(send.text(413, "no").await?)
    };
    let request = Request::post("/").header("expect", "100-continue").body(()).unwrap();
    let body = Blocks { blocks: [Err("asked for".into())].into(), endless: true };
    let asked = RequestHead::new(request.into_parts().0);
    let mut call = Hosted::begin(Arc::new(app), asked, body, Arc::new(Framework::default()));
    assert_eq!(head(&mut call), StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn h_77_h_78_answer_to_head_has_no_body_and_not_the_length_of_that() {
    let app =
        |_: Scope, _: asgi::Receive, mut send: asgi::Send| async move { Ok(send.text(200, "whole").await?) };
    let mut call = Arc::new(Framework::default()).begin(app, Method::HEAD, Blocks::default());
    let start = block_on(poll_fn(|cx| call.poll_head(cx))).unwrap();
    assert!(!start.headers.contains_key("content-length"));
    assert_eq!(call.take_whole().unwrap(), "");
    assert!(call.is_end() && call.remaining().is_none());
    assert_eq!(rest_of(&mut call).unwrap().len(), 0);
}

#[test]
fn a_96_application_that_stops_when_it_is_told_that_no_one_sees_the_rest_is_no_fault() {
    for passes_on in [false, true] {
        let app = move |_: Scope, mut receive: asgi::Receive, mut send: asgi::Send| async move {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.block("hidden").await?;
            let reason = receive.disconnected().await;
            if passes_on { Err(reason.into()) } else { Ok(()) }
        };
        let framework = Arc::new(Framework::default());
        let mut call = framework.begin(app, Method::HEAD, Blocks::default());
        head(&mut call);
        drop(call);
        framework.finish();
        assert!(framework.reports.lock().unwrap().is_empty());
    }
}

#[test]
fn a_67_body_that_is_cut_wakes_who_waits_for_room_and_the_framework() {
    static KEPT: Mutex<Option<asgi::Receive>> = Mutex::new(None);
    let app = |_: Scope, receive: asgi::Receive, mut send: asgi::Send| async move {
        *KEPT.lock().unwrap() = Some(receive);
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        loop {
            send.block("block").await?;
        }
    };
    let blocks = VecDeque::from([Err("cut".into())]);
    let mut call = Arc::new(Framework::default()).begin(app, Method::POST, Blocks { blocks, endless: true });
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    assert!(call.poll_head(&mut Context::from_waker(&waker)).is_ready());
    let before = woken.0.load(Ordering::SeqCst);
    let mut receive = KEPT.lock().unwrap().take().unwrap();
    assert_eq!(block_on(receive.disconnected()), Disconnect::Client);
    assert!(woken.0.load(Ordering::SeqCst) > before, "the sender, which is in the framework's task");
    assert_eq!(rest_of(&mut call).unwrap_err(), "cut");
}
