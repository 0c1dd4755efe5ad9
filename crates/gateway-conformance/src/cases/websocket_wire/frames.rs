//! Frames that keep the protocol.

use super::{echoes, notes};
use crate::case::{App, Case};
use crate::client::{BINARY, CLOSE, CONTINUE, PING, PONG, TEXT, frame};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "lengths_have_their_shortest_form",
        rules: &["S-27", "S-31", "S-37", "S-41"],
        about: "Messages of lengths at which the form of the length changes come back, unmasked, and in the shortest form.",
        app: App::Asgi(|_| echoes()),
        check: |client| {
            let mut frames = client.frames(client.to("GET", "", ()))?;
            frames.accepted()?;
            for len in [0, 1, 125, 126, 127, 65_535, 65_536] {
                let payload = vec![0xa5; len];
                frames.send(BINARY, &payload)?;
                let mut seen = Vec::new();
                // A server may split what it sends.
                loop {
                    let Some(frame) = frames.next()? else { break };
                    seen.extend_from_slice(&frame.payload);
                    if frame.first & 0x80 != 0 {
                        break;
                    }
                }
                crate::case::ensure(seen == payload, || {
                    format!("saw {} octets, wanted the {len} that were sent", seen.len())
                })?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "fragments_make_no_difference",
        rules: &["S-28", "S-34", "S-36", "S-37"],
        about: "A text comes whole, in fragments that cut a character, with empty fragments, and octet by octet: the application gets the same one each time.",
        app: App::Asgi(notes),
        check: |client| {
            let text = "κόσμε".as_bytes();
            let mut frames = client.frames(client.to("GET", "", ()))?;
            frames.accepted()?;
            let whole = frame(TEXT, text);
            frames.send_octets(&whole)?;
            let parts = [
                frame(0x01, &text[..1]),
                frame(0x00, b""),
                frame(0x00, &text[1..5]),
                frame(CONTINUE, &text[5..]),
            ];
            frames.send_octets(parts.concat())?;
            for octet in whole {
                frames.send_octets([octet])?;
            }
            frames.send(CLOSE, &1000_u16.to_be_bytes())?;
            frames.expect_close(1000)?;
            client.wait_for_all(["κόσμε", "κόσμε", "κόσμε", "1000"])
        },
        ..Case::NEW
    },
    Case {
        name: "pings_are_answered_between_fragments",
        rules: &["S-32", "S-35", "S-43", "S-44", "S-46"],
        about: "Pings and a pong that no one asked for come between the fragments of a message: each ping is answered with its payload before the message is complete, and the application sees none of it.",
        app: App::Asgi(notes),
        check: |client| {
            let mut frames = client.frames(client.to("GET", "", ()))?;
            frames.accepted()?;
            frames.send(0x01, b"in ")?;
            for payload in [&b""[..], b"now", &[0xff; 125]] {
                frames.send(PING, payload)?;
                frames.expect(PONG, payload)?;
            }
            frames.send(PONG, b"unasked")?;
            frames.send(CONTINUE, b"parts")?;
            frames.send(CLOSE, &1000_u16.to_be_bytes())?;
            frames.expect_close(1000)?;
            client.wait_for_all(["in parts", "1000"])
        },
        ..Case::NEW
    },
];
