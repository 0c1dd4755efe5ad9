//! What every middleware of this crate leaves alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_iface::http::{HeaderMap, Request, StatusCode};
use gateway_iface::middleware::{BasicAuth, Cookies, Counter, Mount, PathGuard, ProxyHeaders, Users};
use gateway_iface::testing::WsgiClient;
use gateway_iface::validate::Validator;
use gateway_iface::wsgi::{Application, Body, Environ, StartResponse};
use gateway_iface::{Error, Observe};

type App = Arc<dyn Application>;
type Layer = fn(App) -> App;

/// Each lets [`environ`] through.
const LAYERS: [(&str, Layer); 6] = [
    ("Counter", |app| Arc::new(Counter::new(app))),
    ("PathGuard", |app| Arc::new(PathGuard::deny(app).prefix("/admin"))),
    ("Mount", |app| Arc::new(Mount::wsgi().at("/public", app).expect("a valid prefix"))),
    ("BasicAuth", |app| Arc::new(BasicAuth::new(app, Users::new().with("ada", "lovelace")))),
    ("Cookies", |app| Arc::new(Cookies::new(app))),
    ("ProxyHeaders", |app| Arc::new(ProxyHeaders::new(app))),
];

#[test]
fn w_121_what_is_yielded_is_never_written_and_what_is_written_is_passed_on() {
    fn yields(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        start_response.start(StatusCode::OK, HeaderMap::new())?;
        Ok(Body::blocks(["y", "z"]))
    }
    fn writes(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        let body = yields(environ, start_response)?;
        start_response.write(b"w")?;
        Ok(body)
    }
    for (name, layer) in LAYERS {
        for (app, written) in [(Arc::new(yields) as App, &[][..]), (Arc::new(writes), &["w"])] {
            let mut recorder = Recorder::default();
            let body = layer(app).call(environ(), &mut recorder).expect("a response");
            let blocks: Result<Vec<_>, _> = body.collect();
            assert_eq!(recorder.written, written, "{name}");
            assert_eq!(blocks.expect("every block"), ["y", "z"], "{name}");
        }
    }
}

#[test]
fn w_133_w_134_nothing_is_drained_in_the_call_and_close_reaches_the_inner_body_once() {
    for (name, layer) in LAYERS {
        let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let inner = Arc::clone(&counts);
        let app = move |_: Environ, start_response: &mut dyn StartResponse| {
            start_response.start(StatusCode::OK, HeaderMap::new())?;
            let (pulls, closes) = (Arc::clone(&inner), Arc::clone(&inner));
            let blocks = (0..3).map(move |_| {
                pulls[0].fetch_add(1, Ordering::Relaxed);
                "block"
            });
            Ok(Body::blocks(blocks).on_close(move || {
                closes[1].fetch_add(1, Ordering::Relaxed);
                Ok(())
            }))
        };
        let now = || [&counts[0], &counts[1]].map(|count| count.load(Ordering::Relaxed));
        let mut body = layer(Arc::new(app)).call(environ(), &mut Recorder::default()).expect("a response");
        assert_eq!(now(), [0, 0], "{name}");
        assert!(body.next().is_some());
        assert_eq!(now(), [1, 0], "{name}");
        drop(body);
        assert_eq!(now(), [1, 1], "{name}");
    }
}

#[test]
fn w_135_rules_hold_on_both_sides_and_unknown_keys_pass() {
    fn app(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        let own = environ.remove("x.own").map(|value| value.latin1().into_owned());
        start_response.text(200, own.unwrap_or_default().into())
    }
    for (name, layer) in LAYERS {
        let app = Validator::new(app).around(|inner| layer(Arc::new(inner)));
        let client = WsgiClient::new(app);
        let mut exchange = client.begin(environ().into_head());
        exchange.environ_mut().set("x.own", "passed").expect("any key can be set");
        assert_eq!(exchange.run().text(), "passed", "{name}");
    }
}

fn environ() -> Environ {
    let request = Request::get("/public/x").header("authorization", "Basic YWRhOmxvdmVsYWNl");
    let request =
        request.header("cookie", "a=1").header("cookie", "b=2").header("x-forwarded-for", "192.0.2.7");
    Environ::from_request(request.body("").expect("a valid request"))
}

/// A server that keeps what is written.
#[derive(Default)]
struct Recorder {
    written: Vec<String>,
}

impl StartResponse for Recorder {
    fn start(&mut self, _: StatusCode, _: HeaderMap) -> Result<(), Error> {
        Ok(())
    }

    fn restart(&mut self, _: StatusCode, _: HeaderMap, cause: Error) -> Result<(), Error> {
        Err(cause)
    }

    fn write(&mut self, data: &[u8]) -> std::io::Result<()> {
        self.written.push(String::from_utf8_lossy(data).into_owned());
        Ok(())
    }

    fn observe(&mut self, _: Arc<dyn Observe>) {}
}
