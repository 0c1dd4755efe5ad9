//! Messages that come compressed.

use flate2::{Decompress, FlushDecompress, Status};

use super::close::Failure;
use super::deflate::Pool;
use super::reader::TOO_LARGE;

/// Inflates the messages of one socket (S-62).
///
/// What comes out counts against the limit as it comes out, so a small message that becomes a huge one
/// is refused before it is huge.
#[derive(Debug)]
pub(super) struct Inflater {
    pool: Pool,
    /// Whether messages refer to earlier ones.
    context: bool,
    inflate: Option<Decompress>,
    /// The message has said that it is over: what follows of it means nothing.
    ended: bool,
}

impl Inflater {
    pub(super) const fn new(pool: Pool, context: bool) -> Self {
        Self { pool, context, inflate: None, ended: false }
    }

    /// Appends to the message what these octets come to.
    pub(super) fn push(
        &mut self,
        octets: &[u8],
        message: &mut Vec<u8>,
        max_message: usize,
    ) -> Result<(), Failure> {
        let inflate = self.inflate.get_or_insert_with(|| self.pool.inflate());
        let begin = inflate.total_in();
        while !self.ended {
            let used = usize::try_from(inflate.total_in() - begin).unwrap_or(usize::MAX);
            let rest = octets.get(used..).unwrap_or_default();
            if message.capacity() == message.len() {
                // Twice as much as there is, and never much more than there may be.
                let room = message.len().max(rest.len()).max(MIN_ROOM);
                message.reserve_exact(room.min((max_message - message.len()).saturating_add(1)));
            }
            let before = message.len();
            let status = inflate
                .decompress_vec(rest, message, FlushDecompress::None)
                .map_err(|_| Failure::protocol("a message that cannot be inflated"))?;
            if message.len() > max_message {
                return Err(TOO_LARGE);
            }
            let used_up = inflate.total_in() - begin == octets.len() as u64;
            let stuck = message.len() == before && status == Status::BufError;
            self.ended = status == Status::StreamEnd;
            if stuck || (used_up && message.len() < message.capacity()) {
                break;
            }
        }
        Ok(())
    }

    /// The message is complete: what still comes of it.
    pub(super) fn finish(&mut self, message: &mut Vec<u8>, max_message: usize) -> Result<(), Failure> {
        self.push(&TAIL, message, max_message)?;
        if self.ended || !self.context {
            self.ended = false;
            if let Some(inflate) = self.inflate.take() {
                self.pool.keep_inflate(inflate);
            }
        }
        Ok(())
    }
}

/// The end of what a flush writes: it is not sent, and put back before the end is inflated.
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The room that a message grows by at least, in octets.
const MIN_ROOM: usize = 256;
