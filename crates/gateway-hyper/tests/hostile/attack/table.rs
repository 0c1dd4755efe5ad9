//! All attacks.

use gateway_hyper::Limit;

use super::End::{Client, Server};
use super::{Attack, http1, http2, tls, websocket};

macro_rules! attacks {
    ($($name:literal $clients:literal $end:ident $limit:expr => $($client:ident)::+;)*) => {
        &[$(Attack {
            name: $name,
            clients: $clients,
            end: $end,
            limit: $limit,
            client: |target| Box::pin($($client)::+(target)),
        }),*]
    };
}

/// All attacks: name, clients of a load, who ends it, the limit that does, and what each client does.
pub(crate) const ATTACKS: &[Attack] = attacks! {
    "http1-silent" 1000 Server Some(Limit::HeadTime) => http1::silent;
    "http1-idle" 10000 Server Some(Limit::IdleTime) => http1::idle;
    "http1-slow-head" 1000 Server Some(Limit::HeadTime) => http1::slow_head;
    "http1-slow-body" 1000 Server Some(Limit::BodyTime) => http1::slow_body;
    "http1-deaf" 500 Server Some(Limit::WriteTime) => http1::deaf;
    "http1-deaf-pipeline" 200 Server Some(Limit::WriteTime) => http1::deaf_pipeline;
    "http1-pipeline" 50 Client None => http1::pipeline;
    "http1-reset-in-request" 50 Client None => http1::reset_in_request;
    "http1-reset-in-response" 50 Client None => http1::reset_in_response;
    "http1-half-close-in-request" 1000 Server None => http1::half_close_in_request;
    "http1-half-close-in-wait" 1000 Server None => http1::half_close_in_wait;
    "http1-endless-head" 100 Server Some(Limit::HeadSize) => http1::endless_head;
    "http1-endless-extension" 100 Server None => http1::endless_extension;
    "http1-endless-trailers" 100 Server None => http1::endless_trailers;
    "http1-empty-lines" 100 Server None => http1::empty_lines;
    "garbage" 50 Client None => http1::garbage;
    "http2-silent" 1000 Server Some(Limit::IdleTime) => http2::silent;
    "http2-unfinished-head" 1000 Server Some(Limit::IdleTime) => http2::unfinished_head;
    "http2-stalled-bodies" 100 Server Some(Limit::BodyTime) => http2::stalled_bodies;
    "http2-closed-windows" 100 Server Some(Limit::WriteTime) => http2::closed_windows;
    "http2-closed-windows-for-refusals" 100 Server Some(Limit::IdleTime) => http2::closed_windows_for_refusals;
    "http2-closed-windows-for-denials" 100 Server Some(Limit::WriteTime) => http2::closed_windows_for_denials;
    "http2-deaf" 100 Server Some(Limit::WriteTime) => http2::deaf;
    "http2-deaf-pings" 100 Server Some(Limit::WriteTime) => http2::deaf_pings;
    "http2-pings" 50 Client None => http2::pings;
    "http2-settings" 50 Client None => http2::settings;
    "http2-priorities" 50 Client None => http2::priorities;
    "http2-empty-data" 50 Client None => http2::empty_data;
    "http2-tiny-data" 50 Client None => http2::tiny_data;
    "http2-tiny-windows" 50 Client None => http2::tiny_windows;
    "http2-continuations" 50 Client None => http2::continuations;
    "http2-hpack-bombs" 50 Client None => http2::hpack_bombs;
    "http2-rapid-reset-at-once" 50 Client None => http2::rapid_reset_at_once;
    "http2-rapid-reset" 50 Server Some(Limit::Http2Resets) => http2::rapid_reset;
    "http2-rapid-reset-of-websockets" 50 Server Some(Limit::Http2Resets) => http2::rapid_reset_of_websockets;
    "http2-made-you-reset" 50 Server Some(Limit::Http2Resets) => http2::made_you_reset;
    "http2-too-many-streams" 50 Client None => http2::too_many_streams;
    "websocket-silent" 1000 Server Some(Limit::WebSocketPongTime) => websocket::silent;
    "websocket-deaf" 500 Server Some(Limit::WriteTime) => websocket::deaf;
    "websocket-deaf-pings" 100 Server Some(Limit::WriteTime) => websocket::deaf_pings;
    "websocket-empty-messages" 50 Client None => websocket::empty_messages;
    "websocket-empty-fragments" 50 Client None => websocket::empty_fragments;
    "websocket-empty-compressed-fragments" 50 Client None => websocket::empty_compressed_fragments;
    "websocket-bomb" 20 Server Some(Limit::WebSocketSize) => websocket::bomb;
    "tls-stopped-handshake" 1000 Server Some(Limit::TlsHandshakeTime) => tls::stopped_handshake;
    "tls-silent" 200 Server Some(Limit::HeadTime) => tls::silent;
    "tls-deaf" 200 Server Some(Limit::WriteTime) => tls::deaf;
};
