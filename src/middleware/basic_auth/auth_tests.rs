//! Who passes, who does not, and what either finds.

use http::Request;

use super::*;
use crate::asgi::event::{Accept, Message};
use crate::asgi::{Capabilities, Capability, Handshake, LifespanError, LifespanExchange};
use crate::middleware::basic_auth::Users;
use crate::middleware::basic_auth::model::{admits, encode};
use crate::middleware::random::Random;
use crate::testing::{AsgiClient, WsgiClient, block_on};
use crate::validate::Validator;

type App = Box<dyn asgi::Application>;

async fn app(scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let user = scope.head().and_then(RequestHead::user).map(|user| user.name().to_owned());
    let user = user.unwrap_or_else(|| "nobody".to_owned());
    if matches!(scope, asgi::Scope::WebSocket(_)) {
        let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
        return Ok(socket.send(user).await?);
    }
    scope.into_http()?;
    Ok(send.text(200, user).await?)
}

/// With a validator on each side.
fn validated() -> Validator<BasicAuth<Validator<App>, Users>> {
    Validator::new(Box::new(app) as App).around(|app| BasicAuth::new(app, users()))
}

fn users() -> Users {
    Users::new().with("ada", "love:lace").with("\u{E9}va", "p\u{E4}ss")
}

fn basic(pair: impl AsRef<[u8]>) -> String {
    format!("Basic {}", encode(pair.as_ref()))
}

fn request(fields: &[impl AsRef<str>]) -> Request<&'static str> {
    let mut request = Request::get("/");
    for field in fields {
        request = request.header("authorization", field.as_ref());
    }
    request.body("").unwrap()
}

fn status(fields: &[impl AsRef<str>]) -> u16 {
    let client = AsgiClient::new(validated());
    block_on(client.request(request(fields))).unwrap().status().as_u16()
}

#[test]
fn right_password_passes_and_the_user_is_known() {
    let client = AsgiClient::new(validated());
    for (pair, user) in [("ada:love:lace", "ada"), ("\u{E9}va:p\u{E4}ss", "\u{E9}va")] {
        assert_eq!(block_on(client.request(request(&[basic(pair)]))).unwrap().text(), user);
    }
    for scheme in ["basic", "BASIC", "bAsIc", "Basic  "] {
        assert_eq!(status(&[format!("{scheme} {}", encode(b"ada:love:lace"))]), 200, "{scheme}");
    }
}

#[test]
fn h_74_everything_else_is_asked_for_credentials() {
    let right = encode(b"ada:love:lace");
    let none: [&str; 0] = [];
    assert_eq!(status(&none), 401);
    assert_eq!(status(&[basic("ada:love:lace"), basic("ada:love:lace")]), 401);
    assert_eq!(status(&[basic("ada:no"), basic("ada:love:lace")]), 401);
    for field in [
        String::new(),
        "Basic".into(),
        "Basic ".into(),
        right.clone(),
        format!("Basic{right}"),
        format!("Basic\t{right}"),
        format!("Basic \t{right}"),
        format!("Bearer {right}"),
        format!("Digest {right}"),
        format!("xBasic {right}"),
        format!("Basic {right}="),
        format!("Basic {right} "),
        format!("Basic {right}, Basic {right}"),
        format!("Basic {right},"),
        format!("Basic \"{right}\""),
        format!("Basic realm={right}"),
        format!("Basic {}", right.trim_end_matches('=')),
        "Basic !!!!".into(),
        "Basic ada:love:lace".into(),
        basic("ada"),
        basic("adalove:lace"),
        basic(""),
        basic(":"),
        basic(":love:lace"),
        basic("ada:"),
        basic("ada:love"),
        basic("ada:love:lace\0"),
        basic("ada\0:love:lace"),
        basic("ada\n:love:lace"),
        basic("ada:love:lace\u{85}"),
        basic(b"\xE9va:p\xE4ss"),
        basic(b"ada:\xFF"),
        basic("ADA:love:lace"),
        basic(" ada:love:lace"),
        basic("e\u{301}va:p\u{E4}ss"),
        basic("x".repeat(credentials::LIMIT + 1)),
        basic(format!("ada:{}", "x".repeat(100_000))),
    ] {
        assert_eq!(status(&[&field]), 401, "{field:.60}");
    }
}

#[test]
fn malformed_credentials_are_not_even_asked_about() {
    let auth = BasicAuth::new((), |_: &str, _: &str| true);
    let admits = |pair: &[u8]| auth.admit(&mut RequestHead::new(request(&[basic(pair)]).into_parts().0));
    assert!(admits(b"ada:") && admits(b"a:b:c"));
    for pair in [&b"ada"[..], b":x", b"a\0:x", b"a:x\n", b"a:x\x7F", b"a:x\xC2\x80", b"a:\xFF", b"\xE9:x"] {
        assert!(!admits(pair), "{pair:?}");
    }
}

#[test]
fn octets_of_a_field_that_are_no_text_are_refused() {
    let client = AsgiClient::new(validated());
    let field = HeaderValue::from_bytes(b"Basic \xFF\xFE").unwrap();
    let request = Request::get("/").header("authorization", field).body("").unwrap();
    assert_eq!(block_on(client.request(request)).unwrap().status(), 401);
}

#[test]
fn credentials_up_to_the_limit_are_read() {
    let password = "x".repeat(credentials::LIMIT - 4);
    let users = Users::new().with("ada", &password);
    let client = AsgiClient::new(Validator::new(app).around(|app| BasicAuth::new(app, users)));
    let ask = |pair: String| block_on(client.request(request(&[basic(pair)]))).unwrap().status();
    assert_eq!(ask(format!("ada:{password}")), 200);
    assert_eq!(ask(format!("ada:{password}x")), 401);
}

#[test]
fn h_74_realm_is_quoted_so_that_nothing_gets_out_of_it() {
    for (realm, quoted) in [
        ("plain", r#""plain""#),
        ("", r#""""#),
        (r#"a"b"#, r#""a\"b""#),
        (r"a\b", r#""a\\b""#),
        (r#"x", charset="y"#, r#""x\", charset=\"y""#),
        (r#"a\"b"#, r#""a\\\"b""#),
    ] {
        let client = AsgiClient::new(
            Validator::new(app).around(|app| BasicAuth::new(app, users()).with_realm(realm).unwrap()),
        );
        let response = block_on(client.request(request(&[""]))).unwrap();
        let challenge = format!("Basic realm={quoted}, charset=\"UTF-8\"");
        assert_eq!(response.headers()["www-authenticate"], challenge);
    }
    for realm in ["a\nb", "a\r\nx: y", "\0", "\t", "\u{7F}", "\u{85}"] {
        assert!(BasicAuth::new(app, users()).with_realm(realm).is_err(), "{realm:?}");
    }
}

#[test]
fn functions_are_asked_with_both_parts_and_their_word_counts() {
    let check = |user: &str, password: &str| user == "ada" && password == "love:lace" || user == "any";
    let client = AsgiClient::new(Validator::new(app).around(|app| BasicAuth::new(app, check)));
    let ask = |pair: &str| block_on(client.request(request(&[basic(pair)]))).unwrap();
    assert_eq!(ask("ada:love:lace").text(), "ada");
    assert_eq!(ask("any:").text(), "any");
    assert_eq!(ask("ada:x").status(), 401);
}

#[test]
fn w_42_synchronous_application_finds_the_user_in_its_variables() {
    let show = |environ: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse| {
        let get = |key| environ.get(key).map_or_else(|| "-".to_owned(), |value| value.latin1().into_owned());
        start_response.text(200, format!("{} {}", get("REMOTE_USER"), get("AUTH_TYPE")).into())
    };
    let client = WsgiClient::new(Validator::new(show).around(|app| BasicAuth::new(app, users())));
    assert_eq!(client.request(request(&[basic("ada:love:lace")])).unwrap().body(), "ada Basic");
    let refused = client.request(request(&[basic("ada:x")])).unwrap();
    assert_eq!((refused.status().as_u16(), refused.text().as_ref()), (401, "Unauthorized"));
    assert!(refused.headers().contains_key("www-authenticate"));
}

#[test]
fn w_42_no_field_and_no_outer_word_poses_as_a_user() {
    let show = |environ: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse| {
        let user =
            environ.get("REMOTE_USER").map_or_else(|| "-".to_owned(), |value| value.latin1().into_owned());
        start_response.text(200, user.into())
    };
    let spoofed = |auth: Option<String>| {
        let mut request = Request::get("/").header("remote-user", "root").header("remote_user", "root");
        request = request.header("http-remote-user", "root").header("x-remote-user", "root");
        if let Some(auth) = auth {
            request = request.header("authorization", auth);
        }
        request.body("").unwrap()
    };
    assert_eq!(WsgiClient::new(show).request(spoofed(None)).unwrap().body(), "-");
    let client = WsgiClient::new(BasicAuth::new(show, users()));
    assert_eq!(client.request(spoofed(Some(basic("ada:love:lace")))).unwrap().body(), "ada");
    let mut head = RequestHead::new(spoofed(None).into_parts().0);
    head.set_user(Some(crate::RemoteUser::new("root", "Basic")));
    assert!(!BasicAuth::new(show, users()).admit(&mut head));
    assert!(head.user().is_none());
}

#[test]
fn w_42_the_user_survives_both_bridges() {
    use crate::bridge::{AsgiToWsgi, Inline};
    let show = |environ: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse| {
        let user =
            environ.get("REMOTE_USER").map_or_else(|| "-".to_owned(), |value| value.latin1().into_owned());
        start_response.text(200, user.into())
    };
    let client = AsgiClient::new(Validator::new(BasicAuth::new(Inline::new(show), users())));
    assert_eq!(block_on(client.request(request(&[basic("ada:love:lace")]))).unwrap().body(), "ada");
    let client = WsgiClient::new(Validator::new(BasicAuth::new(AsgiToWsgi::new(app), users())));
    assert_eq!(client.request(request(&[basic("ada:love:lace")])).unwrap().body(), "ada");
}

#[test]
fn a_89_a_125_sockets_are_refused_with_the_challenge_where_that_can_be_said() {
    let open = block_on_socket(Capabilities::none(), &basic("ada:love:lace"));
    assert_eq!(open, Ok(Some(Message::from("ada"))));
    assert_eq!(block_on_socket(Capabilities::none(), "Basic x"), Err((403, false)));
    let denial = Capabilities::none().with(Capability::WebSocketDenial);
    assert_eq!(block_on_socket(denial, "Basic x"), Err((401, true)));
}

fn block_on_socket(capabilities: Capabilities, auth: &str) -> Result<Option<Message>, (u16, bool)> {
    let client = AsgiClient::new(validated()).with_capabilities(capabilities);
    let mut socket = client.websocket(request(&[auth]));
    match block_on(socket.connect()) {
        Ok(_) => Ok(block_on(socket.next())),
        Err(refused) => Err((refused.status().as_u16(), refused.headers().contains_key("www-authenticate"))),
    }
}

#[test]
fn a_144_lifespan_passes() {
    async fn started(scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
        scope.into_lifespan()?.run(receive, send, async { Ok(()) }, async { Ok(()) }).await
    }
    let auth = Validator::new(started).around(|app| BasicAuth::new(app, users()));
    let mut lifespan = LifespanExchange::new(&auth);
    block_on(lifespan.startup()).unwrap();
    block_on(lifespan.shutdown()).unwrap();
    let auth = validated();
    let unsupported = block_on(LifespanExchange::new(&auth).startup());
    assert!(matches!(unsupported, Err(LifespanError::Unsupported)));
}

#[test]
fn asynchronous_verifier_is_asked_while_others_go_on() {
    let waits = |user: String, password: String| async move {
        let mut waited = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut waited, true) {
                return std::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
        (user.as_str(), password.as_str()) == ("ada", "love:lace")
    };
    let auth = Validator::new(app).around(|app| {
        let auth = BasicAuth::with_async(app, waits);
        auth.with_realm("asked").unwrap()
    });
    let unsupported = block_on(LifespanExchange::new(&auth).startup());
    assert!(matches!(unsupported, Err(LifespanError::Unsupported)));
    let denial = Capabilities::none().with(Capability::WebSocketDenial);
    let client = AsgiClient::new(auth).with_capabilities(denial);
    assert_eq!(block_on(client.request(request(&[basic("ada:love:lace")]))).unwrap().body(), "ada");
    for field in [basic("ada:x"), basic("ada"), String::new()] {
        let refused = block_on(client.request(request(&[&field]))).unwrap();
        assert_eq!(refused.status(), 401);
        assert_eq!(refused.headers()["www-authenticate"], "Basic realm=\"asked\", charset=\"UTF-8\"");
        let refused = block_on(client.websocket(request(&[&field])).connect()).unwrap_err();
        assert_eq!(refused.status(), 401);
    }
    let mut socket = client.websocket(request(&[basic("ada:love:lace")]));
    block_on(socket.connect()).unwrap();
    assert_eq!(block_on(socket.next()), Some(Message::from("ada")));
}

#[test]
fn no_debug_output_shows_a_password() {
    let field = basic("ada:love:lace");
    let mut head = RequestHead::new(request(&[&field]).into_parts().0);
    let auth = BasicAuth::new((), users());
    assert!(auth.admit(&mut head));
    for text in [format!("{head:?}"), format!("{auth:?}"), format!("{:?}", users())] {
        assert!(!text.contains("love") && !text.contains(&field[6..]), "{text}");
    }
}

#[test]
fn auth_agrees_with_a_plain_model_on_random_fields() {
    let right = encode(b"ada:love:lace");
    let pieces = ["Basic", "basic", "BASIC", "Bearer", " ", " ", "  ", "=", ",", "YWRh", "OmxvdmU6", &right];
    let auth = BasicAuth::new((), users());
    let mut random = Random(5);
    let (mut admitted, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let field = |random: &mut Random| match random.below(3) {
            0 => (0..random.below(5)).map(|_| pieces[random.below(pieces.len())]).collect::<String>(),
            1 => format!("{} {right}", pieces[random.below(5)]),
            _ => {
                let mut field = format!("Basic {right}").into_bytes();
                let at = random.below(field.len());
                field[at] = b' ' + u8::try_from(random.below(95)).unwrap();
                String::from_utf8(field).unwrap()
            }
        };
        let fields: Vec<_> = (0..1 + random.below(8) / 7).map(|_| field(&mut random)).collect();
        let mut head = RequestHead::new(request(&fields).into_parts().0);
        let expected = admits(&fields);
        assert_eq!(auth.admit(&mut head), expected, "{fields:?}");
        assert_eq!(head.user().is_some(), expected);
        *(if expected { &mut admitted } else { &mut refused }) += 1;
    }
    assert!(admitted > 1000 && refused > 1000, "{admitted} {refused}");
}
