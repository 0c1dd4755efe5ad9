#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/connection.rs"]
mod connection;
#[path = "../checks/server.rs"]
mod server;

fuzz_target!(|data: &[u8]| connection::check(data));
