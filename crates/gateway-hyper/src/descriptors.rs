//! How many descriptors the system lets this process have.

use rustix::process::{Resource, getrlimit};
#[cfg(feature = "cli")]
use rustix::process::{Rlimit, setrlimit};

/// How many connections there are descriptors for, with some left for everything else.
pub(crate) fn room() -> usize {
    let soft = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let soft = usize::try_from(soft).unwrap_or(usize::MAX);
    // Of few, half are left.
    soft - RESERVE.min(soft / 2)
}

/// Asks for as many descriptors as the system allows.
#[cfg(feature = "cli")]
pub(crate) fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where that fails, it stays as it was, and connections are limited by it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Descriptors that are left for listeners, files, and what the application opens.
const RESERVE: usize = 64;
