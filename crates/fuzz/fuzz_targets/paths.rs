#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/input.rs"]
mod input;
#[path = "../checks/paths.rs"]
mod paths;

fuzz_target!(|data: &[u8]| paths::check(data));
