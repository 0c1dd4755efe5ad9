//! Instructions and allocations for each request, both directions over what is native: counted by valgrind, so they
//! repeat.
//!
//! `cargo bench -p gateway-tower --all-features --bench costs`
//!
//! An axum router on gateway-hyper over the same under `axum::serve`; an application of ours in an axum router over
//! axum's own handler, both under `axum::serve`; and a service of tonic's on gateway-hyper over the same on tonic's own
//! server. A further argument, such as `hello`, picks rows by name.

#![expect(clippy::print_stdout, reason = "a table on standard output is what it is for")]

use std::error::Error;

#[path = "../../../../benches/counted/mod.rs"]
mod counted;
mod grpc;

use counted::{Counted, Request, build, per_request};

const REQUESTS: &[(&str, Request)] = &[
    ("hello", Request { method: "GET", path: "/", body: 0 }),
    ("stream of ten blocks", Request { method: "GET", path: "/stream", body: 0 }),
    ("echo of 1 MiB", Request { method: "POST", path: "/echo", body: 1024 * 1024 }),
];

const NATIVE: &[&str] = &["--server", "axum", "--app", "axum"];

const SERVERS: &[(&str, &[&str])] = &[
    ("axum's router on gateway-hyper", &["--server", "native", "--app", "axum"]),
    ("the same without its limit on heads", &["--server", "native", "--app", "axum", "--no-header-timeout"]),
    ("our application under axum", &["--server", "axum", "--app", "ours"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let examples = ["--example", "measured", "--example", "measured_tonic"];
    let examples = build(&[&["-p", "gateway-tower", "--all-features"], &examples[..]].concat())?;
    let server = examples.join("measured");
    for name in ["instructions", "allocations"] {
        let counted = Counted::named(name)?;
        println!("{name:<12} {:<23} {:>10} {:>10} {:>7}", "a request", "ours", "axum's", "ratio");
        for (name, request) in REQUESTS {
            if !wanted.is_empty() && !wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
                continue;
            }
            let theirs = per_request(counted, &server, NATIVE, *request)?;
            println!("{name}:");
            for (label, options) in SERVERS {
                let ours = per_request(counted, &server, options, *request)?;
                let ratio = ours as f64 / theirs as f64;
                println!("  {label:<34} {ours:>10} {theirs:>10} {ratio:>7.3}");
            }
        }
        grpc::rows(counted, &examples.join("measured_tonic"), &wanted)?;
    }
    Ok(())
}
