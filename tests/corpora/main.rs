//! Every input that is kept for the fuzz targets, through the check of its target.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::panic::catch_unwind;
use std::path::Path;

#[path = "../../crates/fuzz/checks/connection.rs"]
mod connection;
#[path = "../../crates/fuzz/checks/cookies.rs"]
mod cookies;
#[path = "../../crates/fuzz/checks/fields.rs"]
mod fields;
#[path = "../../crates/fuzz/checks/forwarded.rs"]
mod forwarded;
#[path = "../../crates/fuzz/checks/input.rs"]
mod input;
#[path = "../../crates/fuzz/checks/paths.rs"]
mod paths;
#[path = "../../crates/fuzz/checks/proxy_protocol.rs"]
mod proxy_protocol;
#[path = "../../crates/fuzz/checks/request_head.rs"]
mod request_head;
#[path = "../../crates/fuzz/checks/server.rs"]
mod server;
#[path = "../../crates/fuzz/checks/websocket.rs"]
mod websocket;

/// Runs the inputs of a target through its check; none of them may fail.
fn run(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/fuzz/corpora").join(target);
    let mut failed = Vec::new();
    let mut count = 0;
    for entry in folder.read_dir().unwrap() {
        let entry = entry.unwrap();
        let data = std::fs::read(entry.path()).unwrap();
        count += 1;
        if catch_unwind(|| check(&data)).is_err() {
            failed.push(entry.file_name());
        }
    }
    assert!(failed.is_empty(), "{target}: {failed:?}");
    assert!(count >= 20, "{target}: only {count} inputs");
}

#[test]
fn h_29_h_32_h_43_h_45_w_04_w_05_w_35_w_37_w_42_request_heads() {
    run("request_head", request_head::check);
}

#[test]
fn a_21_a_147_a_151_w_24_w_161_paths() {
    run("paths", paths::check);
}

#[test]
fn h_21_forwarded_fields() {
    run("forwarded", forwarded::check);
}

#[test]
fn h_112_w_37_cookies() {
    run("cookies", cookies::check);
}

#[test]
fn h_06_h_98_connections() {
    run("connection", connection::check);
}

#[test]
fn s_01_s_27_s_51_websockets() {
    run("websocket", websocket::check);
}

#[test]
fn a_30_proxy_headers() {
    run("proxy_protocol", proxy_protocol::check);
}
