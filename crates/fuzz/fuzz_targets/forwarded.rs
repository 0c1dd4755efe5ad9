#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/fields.rs"]
mod fields;
#[path = "../checks/forwarded.rs"]
mod forwarded;
#[path = "../checks/input.rs"]
mod input;

fuzz_target!(|data: &[u8]| forwarded::check(data));
