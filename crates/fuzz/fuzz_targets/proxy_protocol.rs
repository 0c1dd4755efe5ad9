#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/proxy_protocol.rs"]
mod proxy_protocol;
#[path = "../checks/server.rs"]
mod server;

fuzz_target!(|data: &[u8]| proxy_protocol::check(data));
