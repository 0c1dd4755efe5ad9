//! Frames that break the protocol.

use super::notes;
use crate::case::{App, Case, Failure, ensure};
use crate::client::{BINARY, CLOSE, CONTINUE, Client, PING, TEXT, frame};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "frame_against_the_rules_fails_the_socket",
        rules: &["S-26", "S-29", "S-30", "S-31", "S-32", "S-33", "S-34", "S-58"],
        about: "Frames without a mask, with reserved bits or opcodes, with lengths in a longer form, control frames that are too long or in fragments, fragments out of order: each fails the socket with 1002, and nothing behind it is received.",
        app: App::Asgi(notes),
        check: |client| {
            let faults = [
                b"\x81\x01x".to_vec(),
                frame(TEXT | 0x40, b"x"),
                frame(TEXT | 0x20, b"x"),
                frame(PING | 0x10, b"x"),
                frame(0x83, b"x"),
                frame(0x8b, b"x"),
                vec![0x82, 0xfe, 0, 1, 0, 0, 0, 0, 1],
                vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                frame(PING, &[0; 126]),
                frame(0x09, b"x"),
                frame(CONTINUE, b"x"),
                [frame(0x01, b"x"), frame(TEXT, b"y")].concat(),
            ];
            faults.iter().enumerate().try_for_each(|(count, fault)| fails(client, count, fault, 1002))
        },
        ..Case::NEW
    },
    Case {
        name: "text_that_is_none_fails_the_socket",
        rules: &["S-38", "S-58"],
        about: "Texts that are not UTF-8, whole and over fragments, fail the socket with 1007.",
        app: App::Asgi(notes),
        check: |client| {
            let faults = [
                frame(TEXT, b"\xff"),
                frame(TEXT, b"\xc0\xaf"),
                frame(TEXT, b"\xed\xa0\x80"),
                frame(TEXT, b"\xf4\x90\x80\x80"),
                frame(TEXT, b"cut \xce"),
                [frame(0x01, b"\xce"), frame(CONTINUE, b"\xce")].concat(),
            ];
            faults.iter().enumerate().try_for_each(|(count, fault)| fails(client, count, fault, 1007))
        },
        ..Case::NEW
    },
    Case {
        name: "close_that_says_what_it_must_not_fails_the_socket",
        rules: &["S-47", "S-48"],
        about: "A Close of one octet, and Closes with codes that must not be sent, fail the socket with 1002.",
        app: App::Asgi(notes),
        check: |client| {
            let codes = [0_u16, 999, 1004, 1005, 1006, 1015, 2999];
            let mut faults = vec![frame(CLOSE, b"\x03")];
            faults.extend(codes.map(|code| frame(CLOSE, &code.to_be_bytes())));
            faults.iter().enumerate().try_for_each(|(count, fault)| fails(client, count, fault, 1002))
        },
        ..Case::NEW
    },
    Case {
        name: "message_that_is_cut_is_dropped",
        rules: &["S-60", "S-56", "A-84"],
        about: "The client leaves in the middle of a message, and in the middle of a frame: the application gets none of it, and is told 1006.",
        app: App::Asgi(notes),
        check: |client| {
            for (count, cut) in
                [frame(0x01, b"half"), frame(BINARY, b"half")[..8].to_vec()].iter().enumerate()
            {
                let mut frames = client.frames(client.to("GET", "", ()))?;
                frames.accepted()?;
                frames.send_octets(cut)?;
                drop(frames);
                client.wait_for_count(count + 1)?;
            }
            client.wait_for_all(["1006", "1006"])
        },
        ..Case::NEW
    },
];

/// Sends this between two texts: the first one is received, then the socket fails with that code.
fn fails(client: &Client, count: usize, fault: &[u8], code: u16) -> Result<(), Failure> {
    let mut frames = client.frames(client.to("GET", "", ()))?;
    frames.accepted()?;
    frames.send_octets([&frame(TEXT, b"before"), fault, &frame(TEXT, b"behind")].concat())?;
    let failed = |failure| Failure::new(format!("after {fault:x?}: {failure}"));
    frames.expect_close(code).map_err(failed)?;
    drop(frames);
    client.wait_for_count(2 * (count + 1))?;
    ensure(!client.notes()?.iter().any(|note| note == "behind"), || {
        format!("what came behind {fault:x?} was received")
    })
}
