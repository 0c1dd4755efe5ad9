use std::sync::Mutex;

use http::{Method, Request};

use super::*;
use crate::asgi::event::{Accept, EarlyHint, SendEvent};
use crate::asgi::{Capability, Disconnect, Handshake, LifespanExchange, Receive, Scope, Send};
use crate::middleware::fixtures::{self, Gate, get, head, head_with};
use crate::testing::{AsgiClient, WsgiClient, block_on};
use crate::validate::Validator;
use crate::wsgi::{Environ, StartResponse};

type Caught<A, F> = Validator<CatchError<Validator<A>, F>>;
type Reports = Arc<Mutex<Vec<String>>>;

/// The application between validators that know of the rules it breaks on purpose.
fn catching<A>(app: A) -> (Caught<A, impl Fn(&Error) + Sync + core::marker::Send>, Reports) {
    let reports = Reports::default();
    let log = Arc::clone(&reports);
    let app = Validator::new(app).except("A-60").except("A-65").except("A-66").except("V-06").except("W-07");
    let report = move |error: &Error| log.lock().unwrap().push(error.to_string());
    (app.around(|app| CatchError::new(app, report)), reports)
}

async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let error = Error::new("broken");
    match scope.path_info() {
        "/early" => Err(error),
        "/status" => Err(error.with_status(StatusCode::CONFLICT)),
        "/panic" => std::panic::resume_unwind(Box::new("broken")),
        "/started" => {
            send.start(StatusCode::OK, fixtures::text_headers()).await?;
            Err(error)
        }
        "/streaming" => {
            send.start(StatusCode::OK, fixtures::text_headers()).await?;
            send.block("part").await?;
            Err(error)
        }
        "/complete" => {
            send.text(200, "whole").await?;
            Err(error)
        }
        _ => Ok(send.text(200, "fine").await?),
    }
}

#[test]
fn a_143_everything_passes_that_does_not_fail() {
    fixtures::passes_what_is_not_its_own(
        |app| CatchError::new(app, |_: &Error| panic!("nothing failed")),
        true,
    );
}

#[test]
fn w_121_w_132_w_133_w_134_w_135_w_136_everything_passes_that_does_not_fail() {
    fixtures::passes_what_is_synchronous(|app| CatchError::new(app, |_: &Error| panic!("nothing failed")));
}

#[test]
fn a_104_a_106_failure_before_the_head_is_answered_and_reported_once() {
    let (app, reports) = catching(app);
    let client = AsgiClient::new(app);
    for (path, status, text) in [
        ("/early", 500, "Internal Server Error"),
        ("/status", 409, "Conflict"),
        ("/started", 500, "Internal Server Error"),
        ("/panic", 500, "Internal Server Error"),
    ] {
        let response = block_on(client.request(get(path))).unwrap();
        assert_eq!((response.status().as_u16(), response.text().as_ref()), (status, text), "{path}");
        assert!(response.error().is_none(), "{path}: the call succeeds");
        assert_eq!(reports.lock().unwrap().drain(..).count(), 1, "{path}");
    }
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "fine");
    assert!(reports.lock().unwrap().is_empty());
}

#[test]
fn a_106_failure_after_the_head_goes_on_and_is_reported_once() {
    let (app, reports) = catching(app);
    let client = AsgiClient::new(app);
    let error = block_on(client.request(get("/streaming"))).unwrap_err();
    assert_eq!(error.to_string(), "broken");
    assert_eq!(reports.lock().unwrap().drain(..).count(), 1);
    let response = block_on(client.request(get("/complete"))).unwrap();
    assert_eq!((response.text().as_ref(), response.error().unwrap().to_string()), ("whole", "broken".into()));
    assert_eq!(*reports.lock().unwrap(), ["broken"]);
}

#[test]
fn answer_is_what_the_responder_makes_of_the_error() {
    let client = AsgiClient::new(CatchError::new(app, |_: &Error| ()).answer_with(|error| {
        Response::builder().status(502).header("x-why", "1").body(error.to_string().into()).unwrap()
    }));
    let response = block_on(client.request(get("/early"))).unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_ref()), (502, "broken"));
    assert_eq!(response.headers()["x-why"], "1");
    let client = AsgiClient::new(
        CatchError::new(app, |_: &Error| ())
            .answer_with(|_| Response::builder().status(100).body(Bytes::new()).unwrap()),
    );
    assert_eq!(block_on(client.request(get("/early"))).unwrap().status(), 500, "W-141");
}

#[test]
fn a_68_start_is_kept_back_until_content_and_wrong_ones_are_told_at_once() {
    let gate = Gate::default();
    let waits = gate.clone();
    let (app, _) = catching(move |_: Scope, _: Receive, mut send: Send| {
        let wait = waits.wait();
        async move {
            send.start(StatusCode::CONTINUE, HeaderMap::new()).await.unwrap_err();
            send.start(StatusCode::OK, fixtures::text_headers()).await?;
            let error = send.start(StatusCode::OK, fixtures::text_headers()).await.unwrap_err();
            assert!(error.disconnect().is_none());
            assert!(send.text(200, "twice").await.is_err());
            wait.await;
            send.block("").await?;
            Ok(send.last("end").await?)
        }
    });
    let client = AsgiClient::new(app);
    let mut exchange = client.begin(head("/"));
    exchange.feed("", false);
    assert!(exchange.poll_once().is_pending());
    assert!(exchange.take_event().is_none());
    gate.open();
    assert_eq!(block_on(exchange.next_event()).unwrap().name(), "http.response.start");
    // An empty block sends the head.
    assert!(
        matches!(block_on(exchange.next_event()), Some(SendEvent::ResponseBody(block)) if block.more_body)
    );
    assert_eq!(block_on(exchange.response()).body(), "end");
}

#[test]
fn a_131_early_hint_releases_the_start_and_the_server_answers_then() {
    let (app, reports) = catching(|_: Scope, _: Receive, mut send: Send| async move {
        send.start(StatusCode::OK, fixtures::text_headers()).await?;
        send.send(EarlyHint::new(Vec::new())).await?;
        Err(Error::new("broken").with_status(StatusCode::BAD_GATEWAY))
    });
    let client = AsgiClient::new(app);
    let mut exchange = client.begin(head_with(&[Capability::EarlyHints]));
    exchange.feed("", false);
    let response = block_on(exchange.response());
    assert_eq!((response.status().as_u16(), response.error().unwrap().to_string()), (502, "broken".into()));
    assert_eq!(*reports.lock().unwrap(), ["broken"]);
}

#[test]
fn a_96_a_97_loss_of_the_client_goes_on_and_is_not_reported() {
    let (app, reports) = catching(|_: Scope, mut receive: Receive, mut send: Send| async move {
        receive.body(10).await?;
        Ok(send.text(200, "late").await?)
    });
    let client = AsgiClient::new(app);
    let mut exchange = client.begin(head("/"));
    assert!(exchange.poll_once().is_pending());
    exchange.disconnect(Disconnect::Client);
    assert!(block_on(exchange.finish()).unwrap_err().is_disconnected());
    assert!(!exchange.ending().unwrap().fault);
    assert!(reports.lock().unwrap().is_empty());
}

#[test]
fn a_95_held_start_is_refused_once_the_loss_was_told() {
    let (app, _) = catching(|_: Scope, mut receive: Receive, mut send: Send| async move {
        let reason = receive.disconnected().await;
        let error = send.start(StatusCode::OK, fixtures::text_headers()).await.unwrap_err();
        assert_eq!(error.disconnect(), Some(reason));
        Err(error.into())
    });
    let client = AsgiClient::new(app);
    let mut exchange = client.begin(head("/"));
    assert!(exchange.poll_once().is_pending());
    exchange.disconnect(Disconnect::Timeout);
    assert!(block_on(exchange.finish()).unwrap_err().is_disconnected());
}

#[test]
fn lost_connection_of_the_applications_own_is_reported_and_answered() {
    let (app, reports) = catching(|_: Scope, _: Receive, _: Send| async {
        Err(io::Error::from(io::ErrorKind::BrokenPipe).into())
    });
    assert_eq!(block_on(AsgiClient::new(app).request(get("/"))).unwrap().status(), 500);
    assert_eq!(reports.lock().unwrap().len(), 1);
}

#[test]
fn application_has_no_say_once_it_is_answered_for() {
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let app = move |_: Scope, _: Receive, send: Send| {
        *keep.lock().unwrap() = Some(send);
        async { Err(Error::new("broken")) }
    };
    let client = AsgiClient::new(CatchError::new(app, |_: &Error| ()));
    let response = block_on(client.request(get("/"))).unwrap();
    assert_eq!(response.status(), 500);
    let mut send = kept.lock().unwrap().take().unwrap();
    let error = block_on(async { send.text(200, "too late").await }).unwrap_err();
    assert_eq!(error.disconnect(), Some(Disconnect::Complete));
    assert!(block_on(send.flush()).is_err());
}

#[test]
fn a_94_websocket_errors_are_reported_and_answered_by_the_server() {
    async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
        let panics = scope.into_websocket()?.head().path_info() == "/panic";
        let handshake = Handshake::begin(receive, send).await?;
        if panics {
            std::panic::resume_unwind(Box::new("broken"));
        }
        handshake.accept(Accept::new()).await?;
        Err(Error::new("broken"))
    }
    let (app, reports) = catching(app);
    let client = AsgiClient::new(app);
    assert_eq!(block_on(client.websocket(get("/panic")).connect()).unwrap_err().status(), 500);
    let mut socket = client.websocket(get("/"));
    block_on(socket.connect()).unwrap();
    assert_eq!(block_on(socket.finish()).unwrap_err().to_string(), "broken");
    assert_eq!(socket.close_frame().unwrap().code, 1011);
    assert_eq!(reports.lock().unwrap().len(), 2);
}

#[test]
fn a_110_lifespan_errors_pass_untouched() {
    let app = |_: Scope, _: Receive, _: Send| async { Err(Error::new("no database")) };
    let app = CatchError::new(app, |_: &Error| panic!("not reported"));
    let error = block_on(LifespanExchange::new(&app).startup()).unwrap_err();
    assert!(error.to_string().contains("no database"), "{error}");
}

fn sync_app(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let (head, error) = (environ.into_head(), || Error::new("broken"));
    match head.path_info() {
        "/early" => return Err(error().with_status(StatusCode::CONFLICT)),
        "/panic" => std::panic::resume_unwind(Box::new("broken")),
        _ => start_response.start(StatusCode::OK, fixtures::text_headers())?,
    }
    match head.path_info() {
        "/started" => Err(error()),
        "/written" => {
            start_response.write(b"part")?;
            Err(error())
        }
        "/body" => Ok(Body::try_blocks([Ok("part"), Err(error())]).on_close(|| Ok(()))),
        "/first" => Ok(Body::try_blocks([Ok(""), Err(error())])),
        "/body-panic" => Ok(Body::blocks(std::iter::repeat_with(|| -> &'static str {
            std::panic::resume_unwind(Box::new("broken"))
        }))),
        _ => Ok("fine".into()),
    }
}

#[test]
fn w_107_w_138_w_139_synchronous_call_that_fails_is_answered_and_reported_once() {
    let (app, reports) = catching(sync_app);
    let client = WsgiClient::new(app);
    for (path, status) in [("/early", 409), ("/panic", 500), ("/started", 500)] {
        let response = client.request(get(path)).unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert!(response.error().is_none() && !response.text().contains("broken"), "{path}");
        assert_eq!(reports.lock().unwrap().drain(..).count(), 1, "{path}");
    }
    let request = Request::builder().method(Method::HEAD).uri("/started").body("").unwrap();
    assert_eq!(client.request(request).unwrap().status(), 500);
}

#[test]
fn w_109_w_140_synchronous_error_after_the_head_goes_on_and_is_reported_once() {
    let (app, reports) = catching(sync_app);
    let client = WsgiClient::new(app);
    for path in ["/written", "/body"] {
        assert_eq!(client.request(get(path)).unwrap_err().to_string(), "broken", "{path}");
        assert_eq!(reports.lock().unwrap().drain(..).collect::<Vec<_>>(), ["broken"], "{path}");
    }
    for path in ["/first", "/body-panic"] {
        assert_eq!(client.request(get(path)).unwrap().status(), 500, "{path}: by the server");
        assert_eq!(reports.lock().unwrap().drain(..).count(), 1, "{path}");
    }
    let response = client.begin(head("/body")).run();
    assert_eq!((response.closes(), response.is_complete()), (1, false));
}

#[test]
fn w_14_errors_of_the_close_are_reported_once_and_go_on() {
    for whole in [true, false] {
        let reports = Reports::default();
        let log = Arc::clone(&reports);
        let app = move |_: Environ, start_response: &mut dyn StartResponse| {
            start_response.start(StatusCode::OK, fixtures::text_headers())?;
            let body = if whole { Body::from("body") } else { Body::blocks(["bo", "dy"]) };
            let body = body.on_close(|| Err(Error::new("stuck")));
            Ok::<_, Error>(body.on_close(|| std::panic::resume_unwind(Box::new("broken"))))
        };
        let app = CatchError::new(app, move |error: &Error| log.lock().unwrap().push(error.to_string()));
        let response = WsgiClient::new(app).begin(head("/")).run();
        assert_eq!((response.text().as_ref(), response.is_complete()), ("body", true));
        assert_eq!(*reports.lock().unwrap(), ["the application panicked: broken", "stuck"], "{whole}");
        assert!(response.error().unwrap().to_string().contains("broken"));
    }
}

#[test]
fn w_142_synchronous_loss_of_the_client_is_not_reported() {
    let (app, reports) = catching(sync_app);
    let client = WsgiClient::new(app);
    let response = client.begin(head("/written")).lose_after(0).run();
    assert!(response.error().unwrap().is_disconnected());
    assert!(reports.lock().unwrap().is_empty());
}

#[test]
fn w_120_synchronous_loss_without_a_word_of_it_is_not_reported() {
    struct Gone;
    impl wsgi::Transport for Gone {
        fn head(&mut self, _: StatusCode, _: HeaderMap, _: Option<u64>) -> io::Result<()> {
            Ok(())
        }
        fn block(&mut self, _: Bytes) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let reports = Reports::default();
    let log = Arc::clone(&reports);
    let app = CatchError::new(sync_app, move |error: &Error| log.lock().unwrap().push(error.to_string()));
    let error = wsgi::run(&app, Environ::from_request(get("/written")), &mut Gone).unwrap_err();
    assert!(error.is_disconnected() && reports.lock().unwrap().is_empty());
}
