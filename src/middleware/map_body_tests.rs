use std::sync::Mutex;
use std::task::Waker;

use http::Request;

use super::*;
use crate::asgi::event::PathSend;
use crate::asgi::{Receive, Scope, Send};
use crate::middleware::fixtures::{self, get, head, head_with};
use crate::testing::{AsgiClient, WsgiClient, block_on};
use crate::validate::Validator;
use crate::wsgi::{Environ, StartResponse};

type Factory = fn(StatusCode, &mut HeaderMap) -> Option<Change>;
type Change = Box<dyn FnMut(Bytes, bool) -> Bytes + core::marker::Send>;

/// Numbers the blocks of text, and says at the end how many there were.
fn number<A>(inner: A) -> MapBody<A, Factory> {
    MapBody::new(inner, numbering)
}

fn numbering(_: StatusCode, headers: &mut HeaderMap) -> Option<Change> {
    if headers.contains_key("x-plain") {
        return None;
    }
    headers.insert("x-numbered", "1".parse().unwrap());
    let mut count = 0;
    Some(Box::new(move |block, last| {
        count += 1;
        let end = if last { "." } else { "" };
        format!("{count}:{}{end} ", String::from_utf8_lossy(&block)).into()
    }))
}

/// Puts the whole body at the end.
fn gather<A>(inner: A) -> MapBody<A, Factory> {
    MapBody::new(inner, |_, _| {
        let mut all = Vec::new();
        Some(Box::new(move |block, last| {
            all.extend_from_slice(&block);
            if last { std::mem::take(&mut all).into() } else { Bytes::new() }
        }))
    })
}

async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let mut headers = fixtures::text_headers();
    headers.insert("content-length", "6".parse()?);
    match scope.path_info() {
        "/plain" => {
            headers.insert("x-plain", "1".parse()?);
        }
        "/whole" => {
            let mut response = http::Response::new("onetwo");
            *response.headers_mut() = headers;
            return Ok(send.respond(response).await?);
        }
        _ => {}
    }
    let status = if scope.path_info() == "/304" { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    send.start(status, headers).await?;
    send.block("one").await?;
    Ok(send.last("two").await?)
}

#[test]
fn a_143_everything_but_bodies_passes() {
    fixtures::passes_what_is_not_its_own(number, true);
    fixtures::passes_what_is_not_its_own(gather, true);
    fixtures::passes_what_is_not_its_own(|app| MapBody::new(app, |_, _| None::<Change>), true);
}

#[test]
fn w_121_w_130_w_132_w_133_w_134_w_135_w_136_everything_but_bodies_passes() {
    fixtures::passes_what_is_synchronous(number);
    fixtures::passes_what_is_synchronous(gather);
    fixtures::passes_what_is_synchronous(|app| MapBody::new(app, |_, _| None::<Change>));
}

#[test]
fn a_146_each_block_is_changed_and_the_length_is_gone() {
    let client =
        AsgiClient::new(Validator::new(app).except("H-77").except("V-05").except("V-06").around(number));
    for (path, blocks) in [("/", &["1:one ", "2:two. "][..]), ("/whole", &["1:onetwo. "])] {
        let response = block_on(client.request(get(path))).unwrap();
        assert_eq!(response.blocks(), blocks, "{path}");
        assert!(!response.headers().contains_key("content-length"), "{path}");
        assert!(response.headers().contains_key("x-numbered"), "{path}");
    }
    let response = block_on(client.request(get("/plain"))).unwrap();
    assert_eq!(
        (response.headers()["content-length"].as_bytes(), &response.body()[..]),
        (&b"6"[..], &b"onetwo"[..])
    );
}

#[test]
fn a_146_head_and_304_have_the_fields_of_what_they_stand_for() {
    let client =
        AsgiClient::new(Validator::new(app).except("H-77").except("V-05").except("V-06").around(number));
    for request in [Request::head("/").body("").unwrap(), get("/304")] {
        let response = block_on(client.request(request)).unwrap();
        assert!(response.headers().contains_key("x-numbered") && response.body().is_empty());
        assert!(!response.headers().contains_key("content-length"));
    }
    let response = block_on(client.request(Request::head("/plain").body("").unwrap())).unwrap();
    assert_eq!(response.headers()["content-length"], "6");
}

#[test]
fn each_block_is_changed_once_though_the_reader_stalls() {
    let client = AsgiClient::new(number(app));
    let mut exchange = client.begin(head("/"));
    exchange.feed("", false);
    let mut blocks = Vec::new();
    loop {
        for _ in 0..3 {
            let _ = exchange.poll_once();
        }
        match exchange.take_event() {
            Some(SendEvent::ResponseBody(block)) => blocks.push(block.body),
            Some(_) => {}
            None => break,
        }
    }
    assert_eq!(blocks, ["1:one ", "2:two. "]);
}

#[test]
fn send_that_is_given_up_while_it_waits_has_changed_nothing() {
    let client = AsgiClient::new(number(|_: Scope, _: Receive, mut send: Send| async move {
        send.start(StatusCode::OK, fixtures::text_headers()).await?;
        send.block("one").await?;
        let mut waiting = send.block("given up");
        // The reader has taken the start, and has no room for this one.
        std::future::poll_fn(|cx| {
            assert!(std::pin::Pin::new(&mut waiting).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        Ok(send.last("two").await?)
    }));
    let mut exchange = client.begin(head("/"));
    exchange.feed("", false);
    assert_eq!(block_on(exchange.next_event()).unwrap().name(), "http.response.start");
    assert!(exchange.poll_once().is_pending());
    assert_eq!(block_on(exchange.response()).body(), "1:one 2:two. ");
}

/// A server that says it has room, and has none the first time it is asked with an event.
#[derive(Default)]
struct Fickle(Arc<Mutex<(bool, Vec<SendEvent>)>>);

impl PollSend for Fickle {
    fn poll_send(&mut self, _: &mut Context<'_>, slot: &mut Option<SendEvent>) -> PollResult {
        let mut state = self.0.lock().unwrap();
        if slot.is_some() && !state.0 {
            state.0 = true;
            return Poll::Pending;
        }
        state.0 = false;
        state.1.extend(slot.take());
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> PollResult {
        Poll::Ready(Ok(()))
    }

    fn observe(&self, _: Arc<dyn Observe>) {}
}

#[test]
fn block_is_changed_once_by_a_server_that_changes_its_mind() {
    let fickle = Fickle::default();
    let taken = Arc::clone(&fickle.0);
    let mut send = Send::new(Changing {
        inner: Send::new(fickle),
        factory: Arc::new(numbering),
        is_head: false,
        started: false,
        start: None,
        change: None,
        waiting: None,
    });
    let mut cx = Context::from_waker(Waker::noop());
    let start = ResponseStart::new(StatusCode::OK, HeaderMap::new());
    let mut slots = [
        SendEvent::ResponseStart(start),
        ResponseBody::block("one").into(),
        ResponseBody::block("given up").into(),
        ResponseBody::block("three").into(),
        ResponseBody::last("four").into(),
    ]
    .map(Some);
    for (at, slot) in slots.iter_mut().enumerate() {
        for _ in 0..9 {
            if send.poll_send(&mut cx, slot).is_ready() || at == 2 {
                break;
            }
        }
        assert_eq!(slot.is_some(), at == 2, "{at}");
    }
    let blocks: Vec<_> = taken
        .lock()
        .unwrap()
        .1
        .iter()
        .filter_map(
            |event| if let SendEvent::ResponseBody(block) = event { Some(block.body.clone()) } else { None },
        )
        .collect();
    assert_eq!(blocks, ["1:one ", "2:given up ", "3:three ", "4:four. "]);
}

#[test]
fn second_start_leaves_the_change_as_it_is() {
    let client = AsgiClient::new(number(|_: Scope, _: Receive, mut send: Send| async move {
        send.start(StatusCode::CONTINUE, HeaderMap::new()).await.unwrap_err();
        send.start(StatusCode::OK, fixtures::text_headers()).await?;
        send.block("one").await?;
        send.start(StatusCode::OK, fixtures::text_headers()).await.unwrap_err();
        Ok(send.last("two").await?)
    }));
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "1:one 2:two. ");
}

#[test]
fn a_122_a_145_files_are_not_offered_and_not_sent() {
    let seen = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&seen);
    let client = AsgiClient::new(number(move |scope: Scope, _: Receive, mut send: Send| {
        *tell.lock().unwrap() = scope.head().map(|head| head.capabilities());
        async move {
            send.start(StatusCode::OK, fixtures::text_headers()).await?;
            let error = send.send(PathSend::new("/etc/hostname")).await.unwrap_err();
            assert!(error.disconnect().is_none());
            Ok(send.last("body").await?)
        }
    }));
    let all = [Capability::PathSend, Capability::ZeroCopySend, Capability::Trailers];
    let head = head_with(&all);
    let mut exchange = client.begin(head.clone());
    exchange.feed("", false);
    assert_eq!(block_on(exchange.response()).body(), "1:body. ");
    let expected = asgi::Capabilities::none().with(Capability::Trailers);
    assert_eq!(*seen.lock().unwrap(), Some(expected));
    assert!(head.capabilities().contains(Capability::PathSend), "A-141: others keep theirs");
}

fn sync(
    body: impl Fn() -> Body + Sync + core::marker::Send,
    written: &'static [u8],
) -> impl wsgi::Application {
    move |_: Environ, start_response: &mut dyn StartResponse| -> Result<Body, Error> {
        let mut headers = fixtures::text_headers();
        headers.insert("content-length", "6".parse()?);
        start_response.start(StatusCode::OK, headers)?;
        if !written.is_empty() {
            start_response.write(written)?;
        }
        Ok(body())
    }
}

fn call(app: impl wsgi::Application) -> crate::testing::TestResponse {
    WsgiClient::new(Validator::new(app).around(number)).request(get("/")).unwrap()
}

#[test]
fn w_130_w_132_synchronous_blocks_are_changed_and_the_end_is_told() {
    let response = call(sync(|| Body::blocks(["one", "", "two"]), b""));
    assert_eq!(response.blocks(), ["1:one ", "2: ", "3:two. "]);
    assert!(!response.headers().contains_key("content-length"));
    let open = || {
        let mut blocks = ["two", "one"].to_vec();
        Body::blocks(std::iter::from_fn(move || blocks.pop()))
    };
    assert_eq!(call(sync(open, b"")).blocks(), ["1:one ", "2:two ", "3:. "]);
    assert_eq!(call(sync(|| Body::from("onetwo"), b"")).blocks(), ["1:onetwo. "]);
    assert_eq!(call(sync(Body::empty, b"onetwo")).blocks(), ["1:onetwo ", "2:. "]);
}

/// What a HEAD tells: its header fields, the length that the server finds, and the octets that go out.
#[derive(Default)]
struct Told(Vec<(Option<u64>, bool)>, usize);

impl wsgi::Transport for Told {
    fn head(&mut self, _: StatusCode, headers: HeaderMap, length: Option<u64>) -> io::Result<()> {
        self.0.push((length, headers.contains_key("content-length")));
        Ok(())
    }
    fn block(&mut self, block: Bytes) -> io::Result<()> {
        self.1 += block.len();
        Ok(())
    }
}

#[test]
fn w_130_head_has_the_length_of_the_get_or_none() {
    let empty_for_head = |environ: Environ, start_response: &mut dyn StartResponse| {
        let body = if environ.method() == Method::HEAD { "" } else { "onetwo" };
        wsgi::Application::call(&sync(move || Body::from(body), b""), environ, start_response)
    };
    let length = |app: &dyn wsgi::Application, method: Method| {
        let mut told = Told::default();
        let request = Request::builder().method(method).uri("/").body("").unwrap();
        wsgi::run(app, Environ::from_request(request), &mut told).unwrap();
        let [(length, declared)] = told.0[..] else { panic!("one head") };
        assert!(!declared);
        (length, told.1)
    };
    let whole = number(sync(|| Body::from("onetwo"), b""));
    assert_eq!(length(&whole, Method::GET), (Some(10), 10));
    assert_eq!(length(&whole, Method::HEAD), (Some(10), 0));
    for app in [
        Box::new(number(sync(|| Body::blocks(["one", "two"]), b""))) as Box<dyn wsgi::Application>,
        Box::new(number(sync(|| Body::from("two"), b"one"))),
        Box::new(number(sync(Body::empty, b""))),
        Box::new(number(empty_for_head)),
    ] {
        assert_eq!(length(&app, Method::HEAD), (None, 0));
    }
}

#[test]
fn a_146_head_has_the_blocks_of_the_get_or_empty_ones() {
    for (path, blocks) in [("/", &["", ""][..]), ("/whole", &["1:onetwo. "])] {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&sent);
        let client = AsgiClient::new(move |scope: Scope, receive: Receive, send: Send| {
            let seen = Arc::clone(&seen);
            let send = send.map(move |event| {
                if let SendEvent::ResponseBody(block) = event {
                    seen.lock().unwrap().push(block.body.clone());
                }
            });
            async move { asgi::Application::call(&number(app), scope, receive, send).await }
        });
        block_on(client.request(Request::head(path).body("").unwrap())).unwrap();
        assert_eq!(*sent.lock().unwrap(), blocks, "{path}");
    }
}

#[test]
fn w_121_written_blocks_are_changed_and_come_first() {
    assert_eq!(call(sync(|| Body::from("two"), b"one")).blocks(), ["1:one ", "2:two. "]);
}

#[test]
fn w_126_one_block_stays_one_of_known_length() {
    let environ = Environ::from_request(get("/"));
    let mut state = wsgi::HeadState::new(environ.head());
    struct Nowhere;
    impl wsgi::Transport for Nowhere {
        fn head(&mut self, _: StatusCode, _: HeaderMap, _: Option<u64>) -> io::Result<()> {
            Ok(())
        }
        fn block(&mut self, _: Bytes) -> io::Result<()> {
            Ok(())
        }
    }
    let app = number(sync(|| Body::from("onetwo"), b""));
    let mut transport = Nowhere;
    let mut responder = wsgi::Responder::new(&mut state, &mut transport);
    let body = wsgi::Application::call(&app, environ, &mut responder).unwrap();
    assert_eq!(body.exact_len(), Some(10));
}

#[test]
fn w_15_synchronous_error_passes_and_nothing_follows_it() {
    let blocks = || [Ok("one"), Err(Error::new("broken"))];
    let app = number(sync(move || Body::try_blocks(blocks()), b""));
    let response = WsgiClient::new(app).begin(head("/")).run();
    assert_eq!((response.text().as_ref(), response.closes()), ("1:one ", 1));
    assert_eq!(response.error().unwrap().to_string(), "broken");
}

#[test]
fn w_136_factory_is_asked_again_for_the_head_that_counts() {
    fn app(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        let mut plain = fixtures::text_headers();
        plain.insert("x-plain", "1".parse()?);
        let (first, second) = match environ.into_head().path_info() {
            "/to-plain" => (fixtures::text_headers(), plain),
            _ => (plain, fixtures::text_headers()),
        };
        start_response.start(StatusCode::OK, first)?;
        start_response.restart(StatusCode::OK, second, Error::new("late"))?;
        Ok(Body::from("body"))
    }
    let client = WsgiClient::new(Validator::new(app).around(number));
    assert_eq!(client.request(get("/to-plain")).unwrap().body(), "body");
    assert_eq!(client.request(get("/to-numbered")).unwrap().body(), "1:body. ");
}
