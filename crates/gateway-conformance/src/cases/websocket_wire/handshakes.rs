//! The opening handshake.

use gateway_iface::asgi::{Handshake, Scope};
use gateway_iface::http::{HeaderValue, header};

use super::echoes;
use crate::case::{App, Case, Failure, asgi, ensure, equal};
use crate::client::{Client, HOST, Response, TEXT, frame};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "handshake_is_answered_with_its_hash",
        rules: &["S-16", "S-17", "S-18", "S-19", "S-61"],
        about: "The client asks for a WebSocket, with subprotocols and an extension that no one knows: it gets 101 with the hash of its key, and nothing that the application did not choose.",
        app: App::Asgi(|_| echoes()),
        check: |client| {
            let mut request = client.to("GET", "", ());
            let headers = request.headers_mut();
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("a, b"));
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("x-kit; a=1"));
            let mut frames = client.frames(request)?;
            let response = frames.accepted()?;
            response.has("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")?;
            equal(
                "the upgrade",
                response.field("upgrade").map(|value| value.to_ascii_lowercase()),
                Some("websocket".to_owned()),
            )?;
            let connection = response.field("connection").unwrap_or_default().to_ascii_lowercase();
            ensure(connection.split(',').any(|option| option.trim() == "upgrade"), || {
                format!("`connection` is {connection:?}")
            })?;
            for name in
                ["sec-websocket-protocol", "sec-websocket-extensions", "content-length", "transfer-encoding"]
            {
                response.lacks(name)?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "handshake_against_the_rules_is_refused",
        rules: &["S-01", "S-02", "S-05", "S-06", "S-07", "S-08", "S-09"],
        about: "The client asks for a WebSocket and gets it wrong, each time in another way: it is refused with 400, or with 426 where the version is another, and the application is not called.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, _| {
                journal.note("called");
                async move { Err(scope.unsupported().into()) }
            })
        }),
        check: |client| {
            for (from, to) in [
                ("GET", "POST"),
                ("connection: Upgrade", "connection: keep-alive"),
                ("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
                ("ZQ==", "ZQ"),
                ("ZQ==", "ZQ==\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="),
                ("sec-websocket-version: 13\r\n", ""),
                ("version: 13", "version: 13\r\nsec-websocket-protocol: a,,b"),
                ("version: 13", "version: 13\r\nsec-websocket-extensions: a b"),
                ("version: 13", "version: 13\r\nsec-websocket-extensions: a; b="),
            ] {
                let response = answer(client, from, to)?;
                equal(to, response.status, 400)?;
            }
            let response = answer(client, "version: 13", "version: 8")?;
            ensure(matches!(response.status, 400 | 426), || {
                format!("another version: saw {}, wanted 426 or 400", response.status)
            })?;
            response.has("sec-websocket-version", "13")?;
            if response.status == 426 {
                response.has("upgrade", "websocket")?;
            }
            equal("the notes", client.notes()?, [""; 0])
        },
        ..Case::NEW
    },
    Case {
        name: "request_for_no_websocket_is_ordinary_http",
        rules: &["S-02", "S-04", "S-14"],
        about: "The client asks for another protocol, or over HTTP/1.0, or for none: each is an ordinary request, and nothing is switched.",
        app: App::Asgi(|_| {
            asgi(|scope, receive, mut send| async move {
                match scope {
                    Scope::WebSocket(_) => {
                        let handshake = Handshake::begin(receive, send).await?;
                        Ok(handshake.accept(Default::default()).await.map(drop)?)
                    }
                    scope => {
                        scope.into_http()?;
                        Ok(send.text(200, "ordinary").await?)
                    }
                }
            })
        }),
        check: |client| {
            for (from, to) in [
                ("upgrade: websocket", "upgrade: x-kit"),
                ("upgrade: websocket\r\n", ""),
                ("HTTP/1.1", "HTTP/1.0"),
            ] {
                let response = answer(client, from, to)?;
                equal(to, (response.status, &*response.text()), (200, "ordinary"))?;
                response.lacks("sec-websocket-accept")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "frames_behind_the_handshake_are_not_lost",
        rules: &["S-12"],
        about: "The client sends its first frames together with the handshake, the last one in half: all of them arrive.",
        app: App::Asgi(|_| echoes()),
        check: |client| {
            let mut raw = client.raw()?;
            let last = frame(TEXT, b"two");
            let (half, rest) = last.split_at(4);
            raw.send([handshake(client).as_bytes(), &frame(TEXT, b"one"), half].concat())?;
            equal("the status", raw.any_head("GET")?.status, 101)?;
            raw.send(rest)?;
            let mut frames = raw.into_frames();
            frames.expect(TEXT, b"one")?;
            frames.expect(TEXT, b"two")
        },
        ..Case::NEW
    },
];

/// A handshake that is valid.
fn handshake(client: &Client) -> String {
    format!(
        "GET {} HTTP/1.1\r\nhost: {HOST}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
        client.path("")
    )
}

/// The answer to a handshake with something else in it.
fn answer(client: &Client, from: &str, to: &str) -> Result<Response, Failure> {
    let mut raw = client.raw()?;
    raw.send(handshake(client).replace(from, to))?;
    raw.response("GET")
}
