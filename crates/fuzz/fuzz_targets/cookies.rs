#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/cookies.rs"]
mod cookies;
#[path = "../checks/input.rs"]
mod input;

fuzz_target!(|data: &[u8]| cookies::check(data));
