//! Instructions for each request, over raw hyper: counted by valgrind, so they repeat.
//!
//! `cargo bench -p gateway-hyper --bench instructions`
//!
//! Both sides are built with the same profile and run with the same protections: once with hyper's limit on the time that a
//! request's head may take, and once without. A third argument, such as `hello`, picks rows by name.

#![expect(clippy::print_stdout, reason = "a table on standard output is what it is for")]

use std::error::Error;
use std::path::Path;

#[path = "../../../benches/counted/mod.rs"]
mod counted;

use counted::{Counted, Request, build};

struct Row {
    name: &'static str,
    request: Request,
    options: &'static [&'static str],
    limit: f64,
}

const HELLO: Request = Request { method: "GET", path: "/", body: 0 };
const STREAM: Request = Request { method: "GET", path: "/stream", body: 0 };
const ECHO: Request = Request { method: "POST", path: "/echo", body: 1024 };
const LARGE_ECHO: Request = Request { method: "POST", path: "/echo", body: 256 * 1024 };

const ROWS: &[Row] = &[
    Row { name: "hello", request: HELLO, options: &[], limit: 1.10 },
    Row { name: "stream of ten blocks", request: STREAM, options: &[], limit: 1.15 },
    Row { name: "echo of 1 KiB", request: ECHO, options: &[], limit: 1.15 },
    Row { name: "echo of 256 KiB", request: LARGE_ECHO, options: &[], limit: 1.15 },
    Row {
        name: "hello, ten layers that forward",
        request: HELLO,
        options: &["--layers", "forward"],
        limit: 1.12,
    },
    Row { name: "hello, ten counters", request: HELLO, options: &["--layers", "counter"], limit: 1.12 },
    Row { name: "hello, ten path guards", request: HELLO, options: &["--layers", "path-guard"], limit: 1.12 },
    Row {
        name: "hello, wsgi inline",
        request: HELLO,
        options: &["--interface", "wsgi", "--inline"],
        limit: 1.15,
    },
    Row { name: "hello, wsgi on the pool", request: HELLO, options: &["--interface", "wsgi"], limit: 1.50 },
];

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let examples = build(&[
        "-p",
        "gateway-iface",
        "-p",
        "gateway-hyper",
        "--example",
        "testbed",
        "--example",
        "raw_hyper",
    ])?;
    println!(
        "{:<34} {:>10} {:>10} {:>7} {:>7}",
        "instructions a request", "ours", "raw hyper", "ratio", "limit"
    );
    for protections in [&["--no-header-timeout"][..], &[]] {
        let label = if protections.is_empty() { "with" } else { "without" };
        println!("{label} a limit on the time of the request's head:");
        let mut raw: Vec<(&str, usize, u64)> = Vec::new();
        for row in
            ROWS.iter().filter(|row| wanted.is_empty() || wanted.iter().any(|name| row.name.contains(name)))
        {
            let key = (row.request.path, row.request.body);
            let theirs = match raw.iter().find(|(path, body, _)| (*path, *body) == key) {
                Some((_, _, count)) => *count,
                None => {
                    let count = per_request(&examples, "raw_hyper", protections, row.request)?;
                    raw.push((key.0, key.1, count));
                    count
                }
            };
            let options = [row.options, protections].concat();
            let ours = per_request(&examples, "testbed", &options, row.request)?;
            let ratio = ours as f64 / theirs as f64;
            println!("{:<34} {ours:>10} {theirs:>10} {ratio:>7.3} {:>7.2}", row.name, row.limit);
        }
    }
    Ok(())
}

fn per_request(
    examples: &Path,
    server: &str,
    options: &[&str],
    request: Request,
) -> Result<u64, Box<dyn Error>> {
    counted::per_request(Counted::named("instructions")?, &examples.join(server), options, request)
}
