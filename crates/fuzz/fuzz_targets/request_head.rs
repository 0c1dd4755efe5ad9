#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/fields.rs"]
mod fields;
#[path = "../checks/input.rs"]
mod input;
#[path = "../checks/request_head.rs"]
mod request_head;

fuzz_target!(|data: &[u8]| request_head::check(data));
