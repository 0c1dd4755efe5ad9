//! What one request on a connection leaves to the next: nothing.

use gateway_iface::Error;
use gateway_iface::http::HeaderValue;

use crate::case::{App, Case, Failure, asgi, ensure, wsgi};
use crate::client::{Client, HOST};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "keep_alive_request_sees_nothing_of_the_last",
        rules: &["A-34", "A-117", "H-103"],
        about: "The application adds a field, a typed value and a state to its scope, and then answers, fails, or leaves the body where it is; the next request of the same connection sees nothing of it.",
        app: App::Asgi(|_| {
            asgi(|mut scope, _, mut send| async move {
                let head = scope.head_mut().ok_or_else(|| Failure::new("no request"))?;
                let left = head.headers().contains_key("x-own")
                    || head.extensions().get::<Own>().is_some()
                    || head.state().is_some_and(|state| state.get::<Own>().is_some());
                head.headers_mut().insert("x-own", HeaderValue::from_static("1"));
                head.extensions_mut().insert(Own);
                head.connection_mut().state_mut().insert(Own);
                if head.query_string() == "fails" {
                    return Err(Error::new("as asked"));
                }
                Ok(send.text(200, if left { "something was left" } else { "clean" }).await?)
            })
        }),
        breaks: &["V-06"],
        check: next_is_clean,
        ..Case::NEW
    },
    Case {
        name: "keep_alive_call_has_an_environ_of_its_own",
        rules: &["W-04", "H-103"],
        about: "The application sets keys, wipes its environ, and then answers, fails, or leaves the body where it is; the next call on the same connection has every key that it needs, and none of those set.",
        app: App::Wsgi(|_| {
            wsgi(|mut environ, start_response| {
                let left = environ.contains("x.own") || environ.contains("HTTP_X_OWN");
                let whole = ["REQUEST_METHOD", "PATH_INFO", "SERVER_NAME", "SERVER_PORT", "HTTP_HOST"];
                let whole = whole.into_iter().all(|key| environ.contains(key));
                let fails = environ.query_string() == "fails";
                environ.clear();
                environ.set("x.own", "1")?;
                environ.set("HTTP_X_OWN", "1")?;
                if fails {
                    return Err(Error::new("as asked"));
                }
                let told = if left || !whole { "something was left, or is missing" } else { "clean" };
                start_response.text(200, told.into())
            })
        }),
        breaks: &["V-06"],
        check: next_is_clean,
        ..Case::NEW
    },
];

#[derive(Clone)]
struct Own;

fn next_is_clean(client: &Client) -> Result<(), Failure> {
    for (method, below, body) in [
        ("GET", "/?first", ""),
        ("HEAD", "/?first", ""),
        ("POST", "/?first", "unread"),
        ("GET", "/?fails", ""),
    ] {
        let mut raw = client.raw()?;
        let length = body.len();
        let path = client.path(below);
        raw.send(format!(
            "{method} {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {length}\r\n\r\n{body}"
        ))?;
        let first = raw.response(method)?;
        let closes = first.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if closes {
            // Then nothing can be left to the next one.
            ensure(raw.closed()?.is_empty(), || "octets came after the answer".to_owned())?;
            continue;
        }
        for _ in 0..2 {
            raw.send(format!("GET {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n", client.path("/?next")))?;
            let next = raw.response("GET").and_then(|next| next.is(200, "clean"));
            next.map_err(|failure| Failure::new(format!("after {method} {below}: {failure}")))?;
        }
    }
    Ok(())
}
