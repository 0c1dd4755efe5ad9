//! The body of a request.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use bytes::{Buf, Bytes};

use crate::asgi::{BodyLimitError, Disconnect};

/// The body of the request: `wsgi.input`, always terminated (W-57).
///
/// # Contract
///
/// - It ends after the body's last octet, never later, and then stays at its end (W-75 to W-78).
/// - [`read`](Read::read) returns at most as much as asked for, and nothing only at the end (W-69).
///   It may return less in between; [`read_full`](Self::read_full) does not.
/// - A body that is cut short is an error, at every further read too: it never looks complete (W-82). The later
///   errors mean the same as the first: a client that is gone, a limit.
/// - It carries content, after transfer decoding (W-81).
///
/// # Examples
///
/// ```
/// use gateway_iface::wsgi::Input;
///
/// let mut input = Input::new(&b"two\nlines, and the next request"[..], Some(9));
/// let lines: Result<Vec<_>, _> = input.octet_lines(usize::MAX).collect();
/// assert_eq!(lines?, ["two\n", "lines"]);
/// assert!(input.read_all(usize::MAX)?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Input {
    source: Source,
}

enum Source {
    Buffered(Bytes),
    Reader(Bounded),
}

struct Bounded {
    reader: Box<dyn BufRead + Send>,
    /// Octets still to come; 0 also once a reader without length has ended.
    remaining: Option<u64>,
    failed: Option<Failure>,
}

impl Input {
    /// A request without body.
    #[must_use]
    pub const fn empty() -> Self {
        Self::from_bytes(Bytes::new())
    }

    /// A body that is in memory.
    #[must_use]
    pub const fn from_bytes(body: Bytes) -> Self {
        Self { source: Source::Buffered(body) }
    }

    /// A body that is read on demand: exactly `length` octets, or to the reader's end.
    ///
    /// Without a length the reader itself must know where the body ends (W-76) and must fail where it
    /// is cut (W-82). A server whose client is gone fails with an error that holds a
    /// [`Disconnect`](crate::asgi::Disconnect).
    #[must_use]
    pub fn new(reader: impl BufRead + Send + 'static, length: Option<u64>) -> Self {
        let bounded = Bounded { reader: Box::new(reader), remaining: length, failed: None };
        Self { source: Source::Reader(bounded) }
    }

    /// [`new`](Self::new) for a reader without a buffer of its own.
    #[must_use]
    pub fn from_read(reader: impl Read + Send + 'static, length: Option<u64>) -> Self {
        Self::new(BufReader::new(reader), length)
    }

    /// The octets still to come, where that is known.
    #[must_use]
    pub const fn remaining(&self) -> Option<u64> {
        match &self.source {
            Source::Buffered(body) => Some(body.len() as u64),
            Source::Reader(bounded) => bounded.remaining,
        }
    }

    /// Fills `buffer`, as far as the body goes: less only at the end (W-69).
    ///
    /// # Errors
    ///
    /// Those of reading; what was read before is lost.
    pub fn read_full(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.read(room) {
                Ok(0) => break,
                Ok(len) => filled += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Reads everything that remains, if that is no more than `limit` octets (W-70).
    ///
    /// # Errors
    ///
    /// Those of reading, and one that holds a [`BodyLimitError`] when there is more: passed on by an
    /// application, it is answered with 413. A body of known length is then left unread.
    pub fn read_all(&mut self, limit: usize) -> io::Result<Bytes> {
        let too_long = || Err(io::Error::other(InputTooLong(BodyLimitError::new(limit))));
        if self.remaining().is_some_and(|remaining| remaining > limit as u64) {
            return too_long();
        }
        if let Source::Buffered(body) = &mut self.source {
            return Ok(std::mem::take(body));
        }
        let mut body = Vec::new();
        loop {
            let block = match self.fill_buf() {
                Ok(block) => block,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if block.is_empty() {
                return Ok(body.into());
            }
            if block.len() > limit - body.len() {
                return too_long();
            }
            body.extend_from_slice(block);
            let len = block.len();
            self.consume(len);
        }
    }

    /// Reads up to and with the next LF, but no more than `limit` octets; empty at the end (W-71, W-72).
    ///
    /// What is over the limit is left for the next call.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn read_line_limited(&mut self, limit: usize) -> io::Result<Bytes> {
        if let Source::Buffered(body) = &mut self.source {
            let len = line_len(body, limit).unwrap_or(body.len());
            return Ok(body.split_to(len));
        }
        let mut line = Vec::new();
        while line.len() < limit {
            let block = match self.fill_buf() {
                Ok(block) => block,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = line_len(block, limit - line.len());
            let len = end.unwrap_or(block.len());
            line.extend_from_slice(&block[..len]);
            self.consume(len);
            if end.is_some() || len == 0 {
                break;
            }
        }
        Ok(line.into())
    }

    /// The lines that remain, as repeated [`read_line_limited`](Self::read_line_limited) gives them (W-73, W-74).
    ///
    /// It ends after an error.
    pub fn octet_lines(&mut self, limit: usize) -> impl Iterator<Item = io::Result<Bytes>> {
        let mut failed = false;
        std::iter::from_fn(move || {
            if failed {
                return None;
            }
            match self.read_line_limited(limit) {
                Ok(line) if line.is_empty() => None,
                line => {
                    failed = line.is_err();
                    Some(line)
                }
            }
        })
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut block = self.fill_buf()?;
        let len = block.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match &mut self.source {
            Source::Buffered(body) => Ok(body),
            Source::Reader(bounded) => bounded.fill_buf(),
        }
    }

    fn consume(&mut self, len: usize) {
        match &mut self.source {
            Source::Buffered(body) => body.advance(len.min(body.len())),
            Source::Reader(bounded) => bounded.consume(len),
        }
    }
}

impl Bounded {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Some(failure) = self.failed {
            return Err(failure.again());
        }
        if self.remaining == Some(0) {
            return Ok(&[]);
        }
        match self.reader.fill_buf() {
            Ok([]) if self.remaining.is_some() => {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, "the request body was cut short");
                self.failed = Some(Failure::of(&error));
                Err(error)
            }
            Ok([]) => {
                self.remaining = Some(0);
                Ok(&[])
            }
            Ok(block) => {
                let remaining = self.remaining.and_then(|remaining| usize::try_from(remaining).ok());
                Ok(&block[..block.len().min(remaining.unwrap_or(usize::MAX))])
            }
            Err(error) => {
                if !matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) {
                    self.failed = Some(Failure::of(&error));
                }
                Err(error)
            }
        }
    }

    fn consume(&mut self, len: usize) {
        let len = match &mut self.remaining {
            Some(remaining) => {
                let len = len.min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                *remaining -= len as u64;
                len
            }
            None => len,
        };
        self.reader.consume(len);
    }
}

impl Default for Input {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Input {
    fn from(body: Bytes) -> Self {
        Self::from_bytes(body)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}

/// What is told again after a reader has failed: an error of the same kind, that means the same.
#[derive(Clone, Copy)]
struct Failure {
    kind: io::ErrorKind,
    limit: Option<BodyLimitError>,
    disconnect: Option<Disconnect>,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        Self { kind: error.kind(), limit: find(error), disconnect: find(error) }
    }

    fn again(self) -> io::Error {
        match (self.limit, self.disconnect) {
            (Some(limit), _) => io::Error::new(self.kind, InputTooLong(limit)),
            (None, Some(disconnect)) => io::Error::new(self.kind, disconnect),
            (None, None) => self.kind.into(),
        }
    }
}

/// The first error of this type that an error holds.
fn find<E: StdError + Copy + 'static>(error: &io::Error) -> Option<E> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error.get_ref()?);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(*found);
        }
        next = error.source();
    }
    None
}

/// Keeps the limit error visible behind [`io::Error`], which shows only the source of what it holds.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct InputTooLong(#[source] BodyLimitError);

fn line_len(block: &[u8], limit: usize) -> Option<usize> {
    let head = &block[..block.len().min(limit)];
    match head.iter().position(|&octet| octet == b'\n') {
        Some(at) => Some(at + 1),
        None => (head.len() == limit).then_some(limit),
    }
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
