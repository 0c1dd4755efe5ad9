//! permessage-deflate over the wire (S-19, S-61, S-62).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use gateway_hyper::WebSocketDeflate;

use crate::apps::{closed, echo, listens};
use crate::support::{Server, builder, on_both_runtimes, on_current_thread};
use crate::wire::{PONG, TEXT, Wire};

const OFFER: &str = "sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n";
const COMPRESSED: u8 = TEXT | 0x40;

/// The client's side: both windows are kept, or neither.
struct Deflate {
    compress: Compress,
    decompress: Decompress,
    context: bool,
}

impl Deflate {
    fn new(context: bool) -> Self {
        let compress = Compress::new(Compression::default(), false);
        Self { compress, decompress: Decompress::new(false), context }
    }

    fn compress(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(payload.len() + 100);
        self.compress.compress_vec(payload, &mut out, FlushCompress::Sync).unwrap();
        assert_eq!(out.split_off(out.len() - 4), [0, 0, 0xff, 0xff]);
        if !self.context {
            self.compress.reset();
        }
        out
    }

    fn decompress(&mut self, payload: &[u8], len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len + 1);
        let whole = [payload, &[0, 0, 0xff, 0xff]].concat();
        self.decompress.decompress_vec(&whole, &mut out, FlushDecompress::Sync).unwrap();
        if !self.context {
            self.decompress.reset(false);
        }
        out
    }
}

fn words(index: usize) -> String {
    (0..200).map(|word| format!("word{} ", (word * 7 + index) % 31)).collect()
}

#[test]
fn s_62_messages_are_compressed_both_ways_where_that_was_agreed_on() {
    on_both_runtimes(async || {
        for (setting, answer, context) in [
            (
                WebSocketDeflate::PerMessage,
                Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
                false,
            ),
            (WebSocketDeflate::Context, Some("permessage-deflate"), true),
        ] {
            let server = Server::with(builder().websocket_deflate(setting), echo).await;
            let (mut wire, response) = Wire::open_with(&server, "/", OFFER).await;
            assert_eq!(response.header("sec-websocket-extensions"), answer);
            let mut deflate = Deflate::new(context);
            for index in 0..5 {
                let words = words(index);
                let compressed = deflate.compress(words.as_bytes());
                let (first, rest) = compressed.split_at(compressed.len() / 2);
                // In two frames with a ping between them; the first one alone is marked.
                wire.send(0x41, first).await;
                wire.send(0x89, b"ping").await;
                wire.send(0x80, rest).await;
                assert_eq!(wire.next().await.first, PONG);
                let frame = wire.next().await;
                assert_eq!(frame.first, COMPRESSED);
                assert!(frame.payload.len() < words.len() / 2);
                assert_eq!(deflate.decompress(&frame.payload, words.len()), words.as_bytes());
            }
            // What is not marked is not compressed.
            wire.text("plain").await;
            assert_eq!(wire.next_text().await, "plain");
            wire.finish().await;
            server.stop().await;
        }
    });
}

#[test]
fn s_19_s_61_without_an_agreement_nothing_is_compressed() {
    on_both_runtimes(async || {
        for (setting, offer) in [
            (WebSocketDeflate::Off, OFFER),
            (WebSocketDeflate::PerMessage, ""),
            (WebSocketDeflate::PerMessage, "sec-websocket-extensions: x-unknown\r\n"),
        ] {
            let server = Server::with(builder().websocket_deflate(setting), echo).await;
            let (mut wire, response) = Wire::open_with(&server, "/", offer).await;
            assert_eq!(response.header("sec-websocket-extensions"), None);
            let words = words(0);
            wire.text(&words).await;
            assert_eq!(wire.next_text().await, words);
            wire.send(COMPRESSED, b"x").await;
            assert_eq!(wire.failed().await, 1002);
            server.stop().await;
        }
    });
}

#[test]
fn s_40_s_62_limit_holds_for_what_a_message_becomes() {
    on_current_thread(async || {
        let (app, mut told) = listens();
        let server = Server::with(builder().websocket_max_message(100_000), app).await;
        let (mut wire, _) = Wire::open_with(&server, "/", OFFER).await;
        let mut deflate = Deflate::new(false);
        let small = deflate.compress(&vec![b'a'; 100_001]);
        assert!(small.len() < 1000);
        wire.send(COMPRESSED, &small).await;
        assert_eq!(wire.failed().await, 1009);
        assert!(matches!(told.recv().await, Some(crate::apps::Told::Closed(1009, ..))));
        server.stop().await;
    });
}

#[test]
fn s_38_s_62_compressed_text_is_checked_and_what_cannot_be_inflated_fails() {
    on_current_thread(async || {
        for (payload, code) in [(Deflate::new(false).compress(b"\xff\xfe"), 1007), (vec![0xff; 10], 1002)] {
            let server = Server::start(echo).await;
            let (mut wire, _) = Wire::open_with(&server, "/", OFFER).await;
            wire.send(COMPRESSED, &payload).await;
            assert_eq!(wire.failed().await, code);
            server.stop().await;
        }
        // A control frame is never compressed.
        let (app, mut told) = listens();
        let server = Server::start(app).await;
        let (mut wire, _) = Wire::open_with(&server, "/", OFFER).await;
        wire.send(0x89 | 0x40, b"x").await;
        assert_eq!(wire.failed().await, 1002);
        assert!(told.recv().await != Some(closed(1000, "")));
        server.stop().await;
    });
}
