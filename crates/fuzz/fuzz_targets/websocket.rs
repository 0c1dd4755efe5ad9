#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/websocket.rs"]
mod websocket;
#[path = "../checks/server.rs"]
mod server;

fuzz_target!(|data: &[u8]| websocket::check(data));
