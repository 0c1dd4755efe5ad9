//! Closes.

use gateway_iface::asgi::Handshake;
use gateway_iface::asgi::event::{Accept, Close};

use super::{echoes, notes};
use crate::case::{App, Case, asgi, equal};
use crate::client::{CLOSE, PING, TEXT, frame};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "close_is_echoed_and_ends_the_connection",
        rules: &["S-47", "S-50", "S-53", "S-56", "A-83"],
        about: "The client closes, with codes, with a reason, and with nothing: the server answers with the same code, or with none, and closes the connection.",
        app: App::Asgi(notes),
        check: |client| {
            for (count, payload) in
                [&b""[..], b"\x03\xe8", b"\x03\xe9bye", b"\x0b\xb8", b"\x13\x87"].into_iter().enumerate()
            {
                let mut frames = client.frames(client.to("GET", "", ()))?;
                frames.accepted()?;
                frames.send(CLOSE, payload)?;
                let seen = frames.next()?.map(|frame| (frame.first, frame.payload.to_vec()));
                let code = payload[..payload.len().min(2)].to_vec();
                // The reason may be echoed too.
                let seen = seen.map(|(first, echoed)| (first, echoed[..echoed.len().min(2)].to_vec()));
                equal("the answer", seen, Some((CLOSE, code)))?;
                frames.ended()?;
                client.wait_for_count(count + 1)?;
            }
            client.wait_for_all(["1005", "1000", "1001", "3000", "4999"])
        },
        ..Case::NEW
    },
    Case {
        name: "what_follows_the_close_of_the_client_means_nothing",
        rules: &["S-51", "S-52", "A-93"],
        about: "The client sends a message, closes, and goes on sending: the message is received, and nothing behind the Close is, or is answered.",
        app: App::Asgi(notes),
        check: |client| {
            let mut frames = client.frames(client.to("GET", "", ()))?;
            frames.accepted()?;
            let octets = [
                frame(TEXT, b"before"),
                frame(CLOSE, &1000_u16.to_be_bytes()),
                frame(PING, b"x"),
                frame(TEXT, b"behind"),
                frame(CLOSE, &1001_u16.to_be_bytes()),
            ];
            frames.send_octets(octets.concat())?;
            frames.expect_close(1000)?;
            client.wait_for_all(["before", "1000"])
        },
        ..Case::NEW
    },
    Case {
        name: "close_of_the_application_waits_for_that_of_the_client",
        rules: &["S-49", "S-51", "S-54", "S-55", "A-90"],
        about: "The application closes with a code and a reason; the client sends a message and a ping before it answers: neither is answered, and the connection is closed after its Close.",
        app: App::Asgi(|journal| {
            asgi(move |scope, receive, send| {
                let journal = journal.clone();
                async move {
                    scope.into_websocket()?;
                    let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                    socket.close(Close::new(3001).with_reason("enough")).await?;
                    if let Err(closed) = socket.next().await {
                        journal.note(closed.code().to_string());
                    }
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut frames = client.frames(client.to("GET", "", ()))?;
            frames.accepted()?;
            frames.expect(CLOSE, &[&3001_u16.to_be_bytes()[..], b"enough"].concat())?;
            frames.send(TEXT, b"late")?;
            frames.send(PING, b"late")?;
            frames.send(CLOSE, &4000_u16.to_be_bytes())?;
            frames.ended()?;
            client.wait_for_all(["4000"])
        },
        ..Case::NEW
    },
    Case {
        name: "refused_handshake_is_an_ordinary_response",
        rules: &["S-15", "S-21", "A-89"],
        about: "The application closes before it accepts: the client gets 403 with a length, and nothing is switched.",
        app: App::Asgi(|_| {
            asgi(|scope, receive, send| async move {
                scope.into_websocket()?;
                Ok(Handshake::begin(receive, send).await?.close().await?)
            })
        }),
        check: |client| {
            let mut frames = client.frames(client.to("GET", "", ()))?;
            let response = frames.answer()?;
            equal("the status", response.status, 403)?;
            response.lacks("upgrade")?;
            response.lacks("sec-websocket-accept")
        },
        ..Case::NEW
    },
    Case {
        name: "sockets_on_several_connections_do_not_harm_each_other",
        rules: &["S-58", "A-104"],
        about: "One socket fails while another is open: the other goes on.",
        app: App::Asgi(|_| echoes()),
        check: |client| {
            let mut other = client.frames(client.to("GET", "", ()))?;
            other.accepted()?;
            let mut failing = client.frames(client.to("GET", "", ()))?;
            failing.accepted()?;
            failing.send_octets(b"\x81\x01x")?;
            failing.expect_close(1002)?;
            other.send(TEXT, b"still here")?;
            other.expect(TEXT, b"still here")
        },
        ..Case::NEW
    },
];
