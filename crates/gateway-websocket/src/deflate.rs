//! Messages that go out compressed.

use std::fmt;
use std::sync::Arc;

use flate2::{Compress, Compression, Decompress, FlushCompress};
use parking_lot::Mutex;

use super::inflate::TAIL;

/// Deflates the messages of one socket (S-62).
#[derive(Debug)]
pub(super) struct Deflater {
    pool: Pool,
    /// How large the window may be that the client inflates with, as a power of two.
    bits: u8,
    /// Whether messages may refer to earlier ones.
    context: bool,
    work: Option<Work>,
}

/// What compressing takes: some 300 KiB.
pub(super) struct Work {
    compress: Compress,
    output: Vec<u8>,
}

impl Deflater {
    pub(super) const fn new(pool: Pool, bits: u8, context: bool) -> Self {
        Self { pool, bits, context, work: None }
    }

    /// Gives what the payload is when it is compressed to `write`; false when it goes out as it is.
    pub(super) fn deflate(&mut self, payload: &[u8], write: impl FnOnce(&[u8])) -> bool {
        if payload.len() < MIN_COMPRESSED {
            return false;
        }
        let mut work = self.work.take().unwrap_or_else(|| self.pool.deflate(self.bits));
        let deflated = work.deflate(payload);
        // What refers to a window that the client has not seen must not be sent later, so in a context
        // everything that was deflated is sent.
        let worth = deflated && (self.context || work.output.len() < payload.len());
        if worth {
            write(&work.output);
        }
        if self.context && deflated {
            work.release();
            self.work = Some(work);
        } else if deflated {
            self.pool.keep_deflate(self.bits, work);
        }
        worth
    }
}

impl Work {
    fn new(bits: u8) -> Self {
        let compress = Compress::new_with_window_bits(Compression::fast(), false, bits);
        Self { compress, output: Vec::new() }
    }

    /// Leaves the payload, compressed, in the output.
    fn deflate(&mut self, payload: &[u8]) -> bool {
        self.output.clear();
        let begin = self.compress.total_in();
        loop {
            let used = usize::try_from(self.compress.total_in() - begin).unwrap_or(usize::MAX);
            let rest = payload.get(used..).unwrap_or_default();
            self.output.reserve(rest.len() / 2 + MIN_ROOM);
            if self.compress.compress_vec(rest, &mut self.output, FlushCompress::Sync).is_err() {
                return false;
            }
            let used_up = self.compress.total_in() - begin == payload.len() as u64;
            if used_up && self.output.len() < self.output.capacity() {
                break;
            }
        }
        let ends = self.output.ends_with(&TAIL);
        self.output.truncate(self.output.len().saturating_sub(TAIL.len()));
        ends
    }

    fn release(&mut self) {
        if self.output.capacity() > MAX_KEPT_OUTPUT {
            self.output = Vec::new();
        }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

/// What sockets without a context use in turn, so that an idle one has none of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    deflate: Vec<Work>,
    inflate: Vec<Decompress>,
}

impl Pool {
    fn deflate(&self, bits: u8) -> Work {
        let kept = if bits == MAX_BITS { self.kept.lock().deflate.pop() } else { None };
        kept.unwrap_or_else(|| Work::new(bits))
    }

    fn keep_deflate(&self, bits: u8, mut work: Work) {
        work.compress.reset();
        work.release();
        let mut kept = self.kept.lock();
        if bits == MAX_BITS && kept.deflate.len() < MAX_KEPT {
            kept.deflate.push(work);
        }
    }

    pub(super) fn inflate(&self) -> Decompress {
        self.kept.lock().inflate.pop().unwrap_or_else(|| Decompress::new(false))
    }

    pub(super) fn keep_inflate(&self, mut inflate: Decompress) {
        inflate.reset(false);
        let mut kept = self.kept.lock();
        if kept.inflate.len() < MAX_KEPT {
            kept.inflate.push(inflate);
        }
    }
}

/// The largest window, as a power of two.
pub(super) const MAX_BITS: u8 = 15;

/// How many of each are kept for the next message: more than that work at the same time in few
/// processes.
const MAX_KEPT: usize = 8;
/// A message with fewer octets hardly becomes smaller.
const MIN_COMPRESSED: usize = 64;
/// The room that compressing begins with beside what it is likely to need; a flush needs some.
const MIN_ROOM: usize = 64;
/// Output with more room than this is given back, in octets.
const MAX_KEPT_OUTPUT: usize = 64 * 1024;

#[cfg(test)]
#[path = "deflate_tests.rs"]
mod tests;
