//! Instructions and allocations for each request, counted by valgrind, so they repeat: what each direction costs over
//! what is native.
//!
//! `cargo bench -p gateway-actix --bench costs`
//!
//! A further argument, such as `hello`, picks rows by name.

#![expect(clippy::print_stdout, reason = "a table on standard output is what it is for")]

use std::error::Error;

#[path = "../../../benches/counted/mod.rs"]
mod counted;

use counted::{Counted, Request, build, per_request};

const REQUESTS: &[(&str, Request)] = &[
    ("hello", Request { method: "GET", path: "/", body: 0 }),
    ("stream of ten blocks", Request { method: "GET", path: "/stream", body: 0 }),
    // actix closes a connection whose response begins before the request has ended, so it is no echo.
    ("upload of 1 MiB", Request { method: "POST", path: "/upload", body: 1024 * 1024 }),
];

/// The servers, each pair compared.
const PAIRS: [(&str, &str); 3] = [("to-actix", "actix"), ("from-actix", "actix"), ("from-actix", "native")];

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let server = build(&["-p", "gateway-actix", "--example", "measured"])?.join("measured");
    for name in ["instructions", "allocations"] {
        let counted = Counted::named(name)?;
        println!("{name} a request");
        for (row, request) in REQUESTS {
            if !wanted.is_empty() && !wanted.iter().any(|wanted| row.contains(wanted.as_str())) {
                continue;
            }
            let count = |server_name| per_request(counted, &server, &["--serve", server_name], *request);
            for (ours, theirs) in PAIRS {
                let (own, other) = (count(ours)?, count(theirs)?);
                let ratio = own as f64 / other as f64;
                println!("{row:<24} {ours:>12} {own:>10} {theirs:>12} {other:>10} {ratio:>7.3}");
            }
        }
    }
    Ok(())
}
