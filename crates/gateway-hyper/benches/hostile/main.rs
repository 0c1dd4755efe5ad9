//! A server under hostile load: whether it goes on serving others, and what is left of each attack.
//!
//! `cargo bench -p gateway-hyper --bench hostile`, or with the beginnings of names of attacks, such as `http2`
//!
//! Each attack has a server of its own, a process with one thread and short limits, and comes three times. Meanwhile a
//! client asks for `/` on one new connection after the other. This ends with 1 when one of those was not answered within
//! a second, when a client of the attack was not disconnected that should have been, or when connections, tasks,
//! descriptors or memory did not come back. The server and this program each need some 10,100 descriptors.

#![expect(clippy::print_stdout, reason = "a table on standard output is what it is for")]

#[path = "../../tests/hostile/app.rs"]
mod app;
#[path = "../../tests/hostile/attack/mod.rs"]
mod attack;
mod load;
mod probe;
mod process;
mod server;

use std::error::Error;
use std::process::ExitCode;

use peak_alloc::PeakAlloc;

use self::attack::ATTACKS;
use self::load::{Outcome, load};

/// Counts what is allocated: what the system's allocator keeps of it says little.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = std::env::args().skip(1).collect::<Vec<_>>();
    if let [serve, folder] = &args[..]
        && serve == server::SERVE
    {
        server::serve(folder.as_ref())?;
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = args.iter().filter(|arg| !arg.starts_with("--")).collect::<Vec<_>>();
    process::check_descriptors()?;
    println!("{}", Outcome::HEAD);
    let mut failures = 0;
    for attack in ATTACKS {
        if wanted.is_empty() || wanted.iter().any(|name| attack.name.starts_with(*name)) {
            let outcome = load(attack)?;
            println!("{outcome}");
            failures += usize::from(outcome.has_failed());
        }
    }
    println!("attacks that did harm: {failures}");
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
