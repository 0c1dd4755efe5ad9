use std::collections::HashSet;

use http::Request;

use super::*;
use crate::asgi::event::Accept;
use crate::asgi::{Capability, Handshake, Receive, Scope, Send};
use crate::middleware::fixtures::{self, get};
use crate::testing::{AsgiClient, WsgiClient, block_on};
use crate::validate::Validator;
use crate::wsgi::{Body, Environ, StartResponse};

/// Says what id it sees, and sets another.
async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let ids: Vec<_> = scope.headers().get_all(NAME).iter().map(|id| id.to_str().unwrap()).collect();
    let extension = RequestIdValue::of(scope.head()).map(ToString::to_string).unwrap_or_default();
    let mut response = http::Response::new(format!("{} {extension}", ids.join(",")));
    *response.headers_mut() = fixtures::text_headers();
    response.headers_mut().append(NAME, "mine".parse()?);
    response.headers_mut().append(NAME, "mine too".parse()?);
    Ok(send.respond(response).await?)
}

fn ids<A>(inner: A) -> RequestId<A> {
    RequestId::new(inner).with_generator(|| "made".into())
}

/// What the application saw, and what the client did.
fn ask<A: asgi::Application>(app: A, sent: &[&str]) -> (String, Vec<String>) {
    let request = sent.iter().fold(Request::get("/"), |request, id| request.header(NAME, *id));
    let response = block_on(AsgiClient::new(app).request(request.body("").unwrap())).unwrap();
    let seen = response.headers().get_all(NAME).iter().map(|id| id.to_str().unwrap().to_owned());
    (response.text().trim_end().to_owned(), seen.collect())
}

#[test]
fn a_143_everything_else_passes() {
    fixtures::passes_what_is_not_its_own(ids, false);
}

#[test]
fn w_121_w_132_w_133_w_134_w_135_w_136_everything_else_passes() {
    fixtures::passes_what_is_synchronous(ids);
}

#[test]
fn request_and_response_have_one_id_whatever_either_side_sent() {
    for sent in [&[][..], &["theirs"], &["theirs", "and theirs"]] {
        let (inside, outside) = ask(Validator::new(app).around(ids), sent);
        assert_eq!((inside.as_str(), &outside[..]), ("made", &["made".to_owned()][..]), "{sent:?}");
    }
}

#[test]
fn valid_id_is_taken_from_whom_is_trusted() {
    let longest = "x".repeat(128);
    let too_long = "x".repeat(129);
    for (sent, trusted) in [
        (&["a-Z_0.9:"][..], true),
        (&["x"], true),
        (&[longest.as_str()], true),
        (&[too_long.as_str()], false),
        (&[""], false),
        (&["a b"], false),
        (&["a\tb"], false),
        (&["a\"b"], false),
        (&["a,b"], false),
        (&["\u{e9}"], false),
        (&["one", "two"], false),
        (&["one", "one"], false),
        (&[], false),
    ] {
        let (inside, outside) = ask(ids(app).trust_incoming(), sent);
        let expected = if trusted { sent[0] } else { "made" };
        assert_eq!((inside.as_str(), outside[0].as_str()), (expected, expected), "{sent:?}");
    }
}

#[test]
fn extension_is_there_where_it_was_asked_for() {
    assert_eq!(ask(ids(app).with_extension(), &[]).0, "made made");
    assert_eq!(ask(ids(app).with_extension().trust_incoming(), &["theirs"]).0, "theirs theirs");
}

#[test]
fn ids_of_the_default_kind_are_valid_and_all_different() {
    let (one, two) = (RequestId::new(()), RequestId::new(()));
    let twin = one.clone();
    let mut seen = HashSet::new();
    for id in [&one, &two, &twin].into_iter().cycle().take(3000).map(RequestId::next) {
        assert!(is_valid(id.as_bytes()), "{id:?}");
        assert!(seen.insert(id.clone()), "{id:?}");
    }
}

#[test]
fn generated_id_that_is_not_valid_is_replaced() {
    for bad in ["", "a b", "line\nbreak", "\u{e9}", &"x".repeat(129)] {
        let bad = bad.to_owned();
        let app = RequestId::new(()).with_generator(move || bad.clone());
        assert!(is_valid(app.next().as_bytes()));
    }
}

#[test]
fn websocket_has_its_id_in_scope_and_answer() {
    async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
        let scope = scope.into_websocket()?;
        let id = scope.head().headers()[NAME].clone();
        assert_eq!(id, "made");
        let handshake = Handshake::begin(receive, send).await?;
        if scope.head().path_info() == "/open" {
            handshake.accept(Accept::new()).await?;
            return Ok(());
        }
        let denial = http::Response::builder().status(403).header("content-type", "text/plain");
        Ok(handshake.deny(denial.body("no")?).await?)
    }
    let capabilities = asgi::Capabilities::none().with(Capability::WebSocketDenial);
    let client = AsgiClient::new(Validator::new(app).around(ids)).with_capabilities(capabilities);
    let mut socket = client.websocket(get("/open"));
    assert_eq!(block_on(socket.connect()).unwrap().headers[NAME], "made");
    block_on(socket.finish()).unwrap();
    let denial = block_on(client.websocket(get("/")).connect()).unwrap_err();
    assert_eq!((denial.status().as_u16(), denial.headers()[NAME].as_bytes()), (403, &b"made"[..]));
}

#[test]
fn w_136_synchronous_request_and_response_have_one_id() {
    fn app(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        let seen = environ.get("HTTP_X_REQUEST_ID").map(|id| id.into_bytes());
        start_response.start(StatusCode::OK, fixtures::text_headers())?;
        if environ.into_head().path_info() == "/again" {
            let mut headers = fixtures::text_headers();
            headers.insert(NAME, "mine".parse()?);
            start_response.restart(StatusCode::NOT_FOUND, headers, Error::new("late"))?;
        }
        Ok(seen.unwrap_or_default().into())
    }
    let client = WsgiClient::new(ids(app));
    for path in ["/", "/again"] {
        let request = Request::get(path).header(NAME, "theirs").body("").unwrap();
        let response = client.request(request).unwrap();
        assert_eq!((response.text().as_ref(), response.headers()[NAME].as_bytes()), ("made", &b"made"[..]));
    }
}
