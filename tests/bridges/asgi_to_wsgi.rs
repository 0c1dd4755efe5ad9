//! an asynchronous application on a synchronous server.

use std::io::BufReader;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;

use gateway_iface::asgi::event::{Failure, ReceiveEvent, SendEvent};
use gateway_iface::asgi::{self, Capabilities, Capability};
use gateway_iface::bridge::AsgiToWsgi;
use gateway_iface::http::{HeaderMap, Method, Request, StatusCode};
use gateway_iface::testing::WsgiClient;
use gateway_iface::wsgi::{Application, Environ, ErrorStream, Input, StartResponse};
use gateway_iface::{Connection, Error, Observe, RequestHead};

use crate::{Shared, get, head};

type Log = Shared<Vec<String>>;

/// A server that does nothing by itself: a test takes block by block.
#[derive(Default)]
pub(super) struct Server {
    status: Option<u16>,
    cause: Option<String>,
}

impl StartResponse for Server {
    fn start(&mut self, status: StatusCode, _: HeaderMap) -> Result<(), Error> {
        assert!(self.status.replace(status.as_u16()).is_none());
        Ok(())
    }

    fn restart(&mut self, status: StatusCode, _: HeaderMap, cause: Error) -> Result<(), Error> {
        (self.status, self.cause) = (Some(status.as_u16()), Some(cause.to_string()));
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> std::io::Result<()> {
        unreachable!("the bridge returns bodies")
    }

    fn observe(&mut self, _: Arc<dyn Observe>) {}
}

pub(super) fn environ(input: Input) -> Environ {
    Environ::new(Box::new(head(Method::POST, "/")), input)
}

/// A bridge to an application that notes what it does.
pub(super) fn logging<F, Fut>(app: F) -> (AsgiToWsgi<impl asgi::Application>, Log)
where
    F: Fn(asgi::Receive, asgi::Send, Log) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    let log = Log::default();
    let notes = log.clone();
    let app =
        move |_: asgi::Scope, receive: asgi::Receive, send: asgi::Send| app(receive, send, notes.clone());
    (AsgiToWsgi::new(app), log)
}

fn note(log: &Log, text: impl Into<String>) {
    log.with(|log| log.push(text.into()));
}

fn notes(log: &Log) -> Vec<String> {
    log.with(|log| log.clone())
}

/// Waits for a wake-up once.
pub(super) async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        thread::spawn(move || waker.wake());
        Poll::Pending
    })
    .await;
}

/// the path is whole and decoded, the query is as it came.
#[test]
fn a_161_scope_is_what_environ_tells() {
    async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        let scope = scope.into_http()?;
        let head = scope.head();
        let text = format!(
            "{} {} {} {} {:?} {:?} {}",
            head.method(),
            head.path()?,
            head.root_path(),
            head.query_string(),
            head.client(),
            head.headers().get("x-a"),
            head.capabilities() == Capabilities::none(),
        );
        send.text(200, text).await?;
        Ok(())
    }
    let request = Request::get("/api/caf%C3%A9?q=1").header("x-a", "1").body(()).unwrap();
    let connection = Connection::new()
        .with_client("1.2.3.4:5".parse().unwrap())
        .with_capabilities(Capabilities::none().with(Capability::Trailers));
    let mut head = RequestHead::on(request.into_parts().0, Arc::new(connection));
    head.mount(4).unwrap();
    let client = WsgiClient::new(AsgiToWsgi::new(app));
    let response = client.begin(head).run();
    assert_eq!(response.text(), "GET /api/café /api q=1 Some(1.2.3.4:5) Some(\"1\") true");
    let response = client.request(get("/x")).unwrap();
    assert_eq!(response.text(), "GET /x   None None true");
}

#[test]
fn a_162_request_events_come_from_the_input_up_to_its_end_then_the_disconnect() {
    let (bridge, log) = logging(|mut receive, mut send, log: Log| async move {
        loop {
            let ReceiveEvent::HttpRequest(request) = receive.receive().await else {
                return Err(Error::new("no request"));
            };
            note(&log, format!("{} {}", request.body.escape_ascii(), request.more_body));
            if !request.more_body {
                break;
            }
        }
        let mut waiting = std::pin::pin!(receive.receive());
        let pending = std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await;
        send.text(200, "done").await?;
        let reason = waiting.await.disconnect();
        note(&log, format!("{pending} {reason:?} {:?}", receive.receive().await.disconnect()));
        Ok(())
    });
    let bridge = bridge.with_block_size(3);
    let reader = BufReader::with_capacity(100, &b"abcdefg, next request"[..]);
    let body = bridge.call(environ(Input::new(reader, Some(7))), &mut Server::default()).unwrap();
    body.close().unwrap();
    assert_eq!(notes(&log), ["abc true", "def true", "g false", "true Some(Complete) Some(Complete)"]);
    let client = WsgiClient::new(bridge);
    assert_eq!(client.request(get("/")).unwrap().body(), "done");
    assert_eq!(notes(&log)[4], " false");
}

#[test]
fn a_162_input_that_is_cut_is_a_disconnect() {
    let (bridge, _) = logging(|mut receive, mut send, _| async move {
        let body = receive.body(100).await?;
        send.text(200, body).await?;
        Ok(())
    });
    let input = Input::new(&b"half"[..], Some(8));
    let error = bridge.call(environ(input), &mut Server::default()).unwrap_err();
    assert!(error.is_disconnected());
}

#[test]
fn a_163_each_body_event_is_one_block_accepted_when_the_server_asks() {
    let (bridge, log) = logging(|_, mut send, log: Log| async move {
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        for block in ["a", "", "b"] {
            send.block(block).await?;
            note(&log, format!("sent {block}"));
            pause().await;
        }
        send.flush().await?;
        note(&log, "flushed");
        send.last("c").await?;
        note(&log, "sent c");
        pause().await;
        note(&log, "ended");
        Ok(())
    });
    let mut server = Server::default();
    let mut body = bridge.call(environ(Input::empty()), &mut server).unwrap();
    assert_eq!((server.status, notes(&log).len()), (Some(200), 0));
    let mut expected = Vec::new();
    for (block, more) in
        [("a", vec!["sent a"]), ("", vec!["sent "]), ("b", vec!["sent b"]), ("c", vec!["flushed", "sent c"])]
    {
        assert_eq!(body.next().unwrap().unwrap(), block);
        expected.extend(more);
        assert_eq!(notes(&log), expected);
    }
    assert_eq!(body.exact_len(), Some(0));
    assert!(body.next().is_none());
    assert_eq!(notes(&log), expected);
    body.close().unwrap();
    expected.push("ended");
    assert_eq!(notes(&log), expected);
}

#[test]
fn a_163_response_of_one_block_has_a_length_and_the_application_runs_to_its_end_at_the_close() {
    let (bridge, log) = logging(|_, mut send, log: Log| async move {
        send.text(200, "hello").await?;
        pause().await;
        note(&log, "ended");
        Err(Error::new("after the end"))
    });
    let body = bridge.call(environ(Input::empty()), &mut Server::default()).unwrap();
    assert_eq!((body.exact_len(), notes(&log).len()), (Some(5), 0));
    assert_eq!(body.close().unwrap_err().to_string(), "after the end");
    assert_eq!(notes(&log), ["ended"]);
    let client = WsgiClient::new(bridge);
    let response = client.request(get("/")).unwrap();
    assert!(response.is_complete());
    assert_eq!(response.error().unwrap().to_string(), "after the end");
}

#[test]
fn a_164_failure_before_the_first_content_is_answered_by_restart_and_logged() {
    let (bridge, _) = logging(|_, mut send, _| async move {
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        send.block("").await?;
        Err(Error::new("broken").with_status(StatusCode::BAD_GATEWAY))
    });
    let (mut server, errors) = (Server::default(), Arc::new(Mutex::new(Vec::new())));
    let environ = environ(Input::empty()).with_errors(ErrorStream::new(errors.clone()));
    let body = bridge.call(environ, &mut server).unwrap();
    assert_eq!((server.status, server.cause.as_deref()), (Some(502), Some("broken")));
    assert_eq!(body.collect::<Result<Vec<_>, _>>().unwrap().concat(), b"Bad Gateway");
    assert_eq!(*errors.lock().unwrap(), b"broken\n");
    let (silent, _) = logging(|_, _, _| async { Ok(()) });
    assert_eq!(WsgiClient::new(silent).request(get("/")).unwrap().status(), 500);
}

#[test]
fn a_164_failure_after_content_is_the_error_of_the_body() {
    for ended in [true, false] {
        let (bridge, _) = logging(move |_, mut send, _| async move {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.block("a").await?;
            if ended { Ok(()) } else { Err(Error::new("broken")) }
        });
        let mut body = bridge.call(environ(Input::empty()), &mut Server::default()).unwrap();
        assert_eq!(body.next().unwrap().unwrap(), "a");
        let error = body.next().unwrap().unwrap_err();
        assert_eq!(error.to_string() == "broken", !ended);
        assert!(body.next().is_none());
        body.close().unwrap();
    }
}

#[test]
fn a_164_body_that_is_closed_early_tells_the_disconnect_and_lets_the_application_finish() {
    for blocks in [0, 1, 2] {
        let (bridge, log) = logging(|mut receive, mut send, log: Log| async move {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            let error = loop {
                if let Err(error) = send.block("x").await {
                    break error;
                }
            };
            note(&log, format!("{:?} {:?}", error.disconnect(), receive.receive().await.disconnect()));
            pause().await;
            note(&log, "finished");
            Err(error.into())
        });
        let mut body = bridge.call(environ(Input::empty()), &mut Server::default()).unwrap();
        assert_eq!(body.by_ref().take(blocks).count(), blocks);
        if blocks == 2 {
            drop(body)
        } else {
            body.close().unwrap()
        }
        assert_eq!(notes(&log), ["Some(Client) Some(Client)", "finished"], "{blocks}");
    }
}

#[test]
fn a_164_panic_costs_its_own_request_only() {
    let (bridge, _) = logging(|_, mut send, log: Log| async move {
        if notes(&log).is_empty() {
            note(&log, "panicked");
            panic!("broken");
        }
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        send.block("a").await?;
        pause().await;
        panic!("broken again");
    });
    let client = WsgiClient::new(bridge);
    assert_eq!(client.request(get("/")).unwrap().status(), 500);
    assert!(client.request(get("/")).unwrap_err().to_string().contains("broken again"));
}

#[derive(Clone, Default)]
struct Lifespan {
    log: Log,
    requests: Arc<AtomicUsize>,
}

async fn with_lifespan(
    app: Lifespan,
    scope: asgi::Scope,
    mut receive: asgi::Receive,
    mut send: asgi::Send,
) -> Result<(), Error> {
    let asgi::Scope::Lifespan(lifespan) = scope else {
        app.requests.fetch_add(1, Ordering::SeqCst);
        let head = scope.into_http()?.into_head();
        let stored = head.state().and_then(|state| state.get::<Arc<str>>()).cloned();
        send.text(200, stored.unwrap_or_default().to_string()).await?;
        return Ok(());
    };
    receive.receive().await;
    note(&app.log, "startup");
    lifespan.state().insert(Arc::<str>::from("stored"));
    send.send(SendEvent::StartupComplete).await?;
    receive.receive().await;
    note(&app.log, "shutdown");
    send.send(SendEvent::ShutdownFailed(Failure::new("stuck"))).await?;
    Ok(())
}

#[test]
fn a_165_lifespan_runs_once_and_its_state_is_in_every_scope() {
    let app = Lifespan::default();
    let (log, called) = (app.log.clone(), app.clone());
    let bridge =
        AsgiToWsgi::with_lifespan(move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
            with_lifespan(called.clone(), scope, receive, send)
        });
    let bridge = Arc::new(bridge.unwrap());
    assert_eq!(notes(&log), ["startup"]);
    let client = WsgiClient::new(bridge.clone());
    for _ in 0..3 {
        assert_eq!(client.request(get("/")).unwrap().body(), "stored");
    }
    assert_eq!((app.requests.load(Ordering::SeqCst), notes(&log).len()), (3, 1));
    assert!(bridge.shutdown().unwrap_err().to_string().contains("stuck"));
    bridge.shutdown().unwrap();
    drop((client, bridge));
    assert_eq!(notes(&log), ["startup", "shutdown"]);
}

#[test]
fn a_165_start_up_that_fails_is_told_and_one_that_is_unknown_is_served_without() {
    async fn failing(_: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        receive.receive().await;
        send.send(SendEvent::StartupFailed(Failure::new("no database"))).await?;
        Ok(())
    }
    async fn crashing(_: asgi::Scope, _: asgi::Receive, _: asgi::Send) -> Result<(), Error> {
        Err(Error::new("crashed"))
    }
    async fn panicking(_: asgi::Scope, _: asgi::Receive, _: asgi::Send) -> Result<(), Error> {
        panic!("panicked")
    }
    async fn http_only(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_http()?;
        send.text(200, "served").await?;
        Ok(())
    }
    assert!(AsgiToWsgi::with_lifespan(failing).unwrap_err().to_string().contains("no database"));
    assert_eq!(AsgiToWsgi::with_lifespan(crashing).unwrap_err().to_string(), "crashed");
    assert!(AsgiToWsgi::with_lifespan(panicking).unwrap_err().to_string().contains("panicked"));
    let client = WsgiClient::new(AsgiToWsgi::with_lifespan(http_only).unwrap());
    assert_eq!(client.request(get("/")).unwrap().body(), "served");
}
