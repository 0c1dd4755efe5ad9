//! Clients that break the protocol, or a limit (S-26 to S-40, S-47, S-48, S-58).

use std::time::Duration;

use gateway_hyper::{Builder, Limit};

use crate::apps::{Told, closed, listens, text};
use crate::support::{Log, Server, builder, on_both_runtimes, on_current_thread};
use crate::wire::{BINARY, CLOSE, CONTINUE, PING, TEXT, Wire, frame};

/// Sends these octets after a text, and checks what both sides learn of it: the Close with this code.
async fn fails(octets: &[u8], code: u16) {
    let log = Log::start();
    let (app, mut told) = listens();
    let server = Server::with(limited(), app).await;
    let mut wire = Wire::open(&server, "/").await;
    let ignored = frame(TEXT, b"ignored");
    wire.client.send([&frame(TEXT, b"first"), octets, &ignored].concat()).await;
    assert_eq!(wire.failed().await, code, "{octets:x?}");
    assert_eq!(told.recv().await, Some(text("first")), "A-93");
    let Some(Told::Closed(told_code, ..)) = told.recv().await else {
        panic!("S-58: something was processed after {octets:x?}");
    };
    assert_eq!(told_code, code, "S-56: {octets:x?}");
    let hits = server.handle.stats().limit_hits(Limit::WebSocketSize);
    assert_eq!(hits > 0, code == 1009, "{octets:x?}");
    server.stop().await;
    assert_eq!(log.errors(), [""; 0], "it is not the application's fault");
}

#[test]
fn s_26_s_58_frame_without_mask_fails_the_socket() {
    on_both_runtimes(async || {
        fails(b"\x81\x05Hello", 1002).await;
        fails(b"\x89\x00", 1002).await;
        fails(b"\x88\x00", 1002).await;
    });
}

#[test]
fn s_29_s_30_s_31_s_32_s_33_frames_that_are_not_allowed_fail_the_socket() {
    on_both_runtimes(async || {
        for reserved in [0x40, 0x20, 0x10] {
            fails(&frame(TEXT | reserved, b"x"), 1002).await;
            fails(&frame(PING | reserved, b"x"), 1002).await;
        }
        for opcode in [3, 7, 0xb, 0xf] {
            fails(&frame(0x80 | opcode, b"x"), 1002).await;
        }
        fails(&frame(PING, &[0; 126]), 1002).await;
        fails(&frame(CLOSE, &[0; 126]), 1002).await;
        fails(&frame(0x09, b"x"), 1002).await;
        fails(&frame(0x08, b""), 1002).await;
        fails(&[0x82, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5], 1002).await;
        fails(&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0], 1002).await;
        fails(&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1002).await;
    });
}

#[test]
fn s_34_fragments_out_of_order_fail_the_socket() {
    on_both_runtimes(async || {
        fails(&frame(CONTINUE, b"x"), 1002).await;
        fails(&frame(0x00, b"x"), 1002).await;
        fails(&[frame(0x01, b"a"), frame(TEXT, b"b")].concat(), 1002).await;
    });
}

#[test]
fn s_38_s_39_text_that_is_not_utf_8_fails_the_socket() {
    on_both_runtimes(async || {
        fails(&frame(TEXT, b"\xed\xa0\x80"), 1007).await;
        fails(&[frame(0x01, b"\xce"), frame(CONTINUE, b"\xce")].concat(), 1007).await;
        // The rest of the message is not waited for.
        fails(&frame(0x01, b"\xf4\x90"), 1007).await;
    });
}

#[test]
fn s_40_what_is_too_large_fails_the_socket() {
    on_both_runtimes(async || {
        fails(&frame(BINARY, &[0; 601]), 1009).await;
        fails(&[frame(0x02, &[0; 600]), frame(CONTINUE, &[0; 401])].concat(), 1009).await;
        // An announced length is enough.
        fails(&[0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009).await;
    });
}

#[test]
fn s_47_s_48_close_that_says_what_it_must_not_fails_the_socket() {
    on_both_runtimes(async || {
        fails(&frame(CLOSE, b"\x03"), 1002).await;
        fails(&frame(CLOSE, b"\x03\xe8\xff"), 1007).await;
        for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
            fails(&frame(CLOSE, &code.to_be_bytes()), 1002).await;
        }
    });
}

#[test]
fn s_60_message_that_is_cut_is_dropped() {
    on_current_thread(async || {
        for cut in [frame(0x01, b"half of"), frame(TEXT, b"half of")[..8].to_vec()] {
            let (app, mut told) = listens();
            let server = Server::start(app).await;
            let mut wire = Wire::open(&server, "/").await;
            wire.client.send(cut).await;
            drop(wire);
            assert_eq!(told.recv().await, Some(closed(1006, "")), "S-56");
            server.stop().await;
        }
    });
}

/// Small limits, and no patience with clients that stay after the end.
fn limited() -> Builder {
    builder()
        .websocket_max_message(1000)
        .websocket_max_frame(600)
        .websocket_close_timeout(Duration::from_millis(30))
}
