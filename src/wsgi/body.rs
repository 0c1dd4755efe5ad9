//! The body of a response, as blocks.

use std::fmt;
use std::io::{self, Read};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use crate::error::Error;

/// What an application returns: blocks of octets, and what to do when they are no longer wanted.
///
/// # Contract
///
/// - A server takes a block, sends it, and only then takes the next (W-17, W-131); an empty block is
///   legal and sends nothing (W-19).
/// - After its end or an error it gives nothing more, however often it is asked (W-15).
/// - What was registered with [`on_close`](Self::on_close) runs exactly once: in
///   [`close`](Self::close), or when the body is dropped (W-12, W-13).
///
/// # Examples
///
/// ```
/// use gateway_iface::wsgi::Body;
///
/// let mut body = Body::blocks(["one ", "two"]).on_close(|| {
///     println!("the connection goes back to its pool");
///     Ok(())
/// });
/// let blocks: Result<Vec<_>, _> = body.by_ref().collect();
/// assert_eq!(blocks?.concat(), b"one two");
/// body.close()?;
/// # Ok::<(), gateway_iface::Error>(())
/// ```
#[must_use = "dropping a body closes it"]
pub struct Body {
    source: Source,
    closers: Vec<Closer>,
}

enum Source {
    Done,
    One(Bytes),
    Blocks(Box<dyn Iterator<Item = Result<Bytes, Error>> + Send>),
}

pub(crate) type Closer = Box<dyn FnOnce() -> Result<(), Error> + Send>;

impl Body {
    /// No block.
    pub const fn empty() -> Self {
        Self::of(Source::Done)
    }

    /// These blocks.
    pub fn blocks<I>(blocks: I) -> Self
    where
        I: IntoIterator<Item: Into<Bytes>, IntoIter: Send + 'static>,
    {
        Self::of(Source::Blocks(Box::new(blocks.into_iter().map(|block| Ok(block.into())))))
    }

    /// These blocks, any of which may fail.
    pub fn try_blocks<I, B, E>(blocks: I) -> Self
    where
        I: IntoIterator<Item = Result<B, E>, IntoIter: Send + 'static>,
        B: Into<Bytes>,
        E: Into<Error>,
    {
        let blocks = blocks.into_iter().map(|block| block.map(Into::into).map_err(Into::into));
        Self::of(Source::Blocks(Box::new(blocks)))
    }

    /// What is left to read, in blocks of at most `block_size` octets: `wsgi.file_wrapper` (W-149, W-150).
    ///
    /// It starts where the reader stands when the first block is taken, and drops the reader at its
    /// end or when the body is closed (W-152, W-153). A `block_size` of 0 means the default.
    ///
    /// ```
    /// use gateway_iface::wsgi::Body;
    ///
    /// let blocks: Result<Vec<_>, _> = Body::file(&b"abcde"[..], 2).collect();
    /// assert_eq!(blocks?, ["ab", "cd", "e"]);
    /// # Ok::<(), gateway_iface::Error>(())
    /// ```
    pub fn file(reader: impl Read + Send + 'static, block_size: usize) -> Self {
        let block_size = if block_size == 0 { BLOCK_SIZE } else { block_size };
        Self::of(Source::Blocks(Box::new(FileBlocks { reader, block_size, buffer: Vec::new() })))
    }

    const fn of(source: Source) -> Self {
        Self { source, closers: Vec::new() }
    }

    /// Runs `close` when the body is no longer wanted, before those registered earlier.
    pub fn on_close(mut self, close: impl FnOnce() -> Result<(), Error> + Send + 'static) -> Self {
        self.closers.push(Box::new(close));
        self
    }

    /// Changes each block, one for one, and keeps what runs at the close (W-132, W-134).
    pub fn map(self, mut change: impl FnMut(Bytes) -> Result<Bytes, Error> + Send + 'static) -> Self {
        self.replace_blocks(|inner| Iterator::map(inner, move |block| block.and_then(&mut change)))
    }

    /// Gives these blocks in place of its own, which they are made from, and keeps what runs at the
    /// close (W-134).
    pub(crate) fn replace_blocks<I>(mut self, blocks: impl FnOnce(Self) -> I) -> Self
    where
        I: Iterator<Item = Result<Bytes, Error>> + Send + 'static,
    {
        let inner = Self::of(mem::replace(&mut self.source, Source::Done));
        self.source = Source::Blocks(Box::new(blocks(inner)));
        self
    }

    /// Puts these in place of what runs at the close.
    pub(crate) fn replace_closers(mut self, replace: impl FnMut(Closer) -> Closer) -> Self {
        self.closers = mem::take(&mut self.closers).into_iter().map(replace).collect();
        self
    }

    /// Gives this block in place of what is left.
    pub(crate) fn replace_whole(mut self, block: Bytes) -> Self {
        self.source = Source::One(block);
        self
    }

    /// The octets still to come, where that is known without producing them (W-10, W-126).
    #[must_use]
    pub fn exact_len(&self) -> Option<u64> {
        match &self.source {
            Source::Done => Some(0),
            Source::One(block) => Some(block.len() as u64),
            Source::Blocks(blocks) => (blocks.size_hint() == (0, Some(0))).then_some(0),
        }
    }

    /// What is left, where that is one block at most.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        match &mut self.source {
            Source::Done => Some(Bytes::new()),
            Source::One(block) => {
                let block = mem::take(block);
                self.source = Source::Done;
                Some(block)
            }
            Source::Blocks(_) => None,
        }
    }

    /// Whether something is to run at the close.
    pub(crate) const fn has_closers(&self) -> bool {
        !self.closers.is_empty()
    }

    /// Runs what was registered, the last first, after dropping the blocks that are left.
    ///
    /// # Errors
    ///
    /// The first error among them; the others run all the same.
    pub fn close(mut self) -> Result<(), Error> {
        self.source = Source::Done;
        let mut result = Ok(());
        // Each leaves the list before it runs, so that a panic leaves the others to `drop`.
        while let Some(close) = self.closers.pop() {
            let closed = close();
            result = result.and(closed);
        }
        result
    }
}

impl Iterator for Body {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        // The source is back in its place only after a block, so an end, an error and a panic are final.
        match mem::replace(&mut self.source, Source::Done) {
            Source::Done => None,
            Source::One(block) => Some(Ok(block)),
            Source::Blocks(mut blocks) => {
                let block = blocks.next()?;
                if block.is_ok() {
                    self.source = Source::Blocks(blocks);
                }
                Some(block)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.source {
            Source::Done => (0, Some(0)),
            Source::One(_) => (1, Some(1)),
            // An error ends it early, whatever the iterator announced.
            Source::Blocks(blocks) => (blocks.size_hint().0.min(1), blocks.size_hint().1),
        }
    }
}

impl std::iter::FusedIterator for Body {}

impl Drop for Body {
    fn drop(&mut self) {
        // A panic in here would abort the process when another one is under way.
        let source = mem::replace(&mut self.source, Source::Done);
        drop(catch_unwind(AssertUnwindSafe(|| drop(source))));
        while let Some(close) = self.closers.pop() {
            drop(catch_unwind(AssertUnwindSafe(close)));
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(block: Bytes) -> Self {
        Self::of(Source::One(block))
    }
}

impl From<&'static [u8]> for Body {
    fn from(block: &'static [u8]) -> Self {
        Self::from(Bytes::from_static(block))
    }
}

impl From<&'static str> for Body {
    fn from(block: &'static str) -> Self {
        Self::from(block.as_bytes())
    }
}

impl From<Vec<u8>> for Body {
    fn from(block: Vec<u8>) -> Self {
        Self::from(Bytes::from(block))
    }
}

impl From<String> for Body {
    fn from(block: String) -> Self {
        Self::from(Bytes::from(block))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("size_hint", &self.size_hint())
            .field("exact_len", &self.exact_len())
            .field("closers", &self.closers.len())
            .finish()
    }
}

struct FileBlocks<R> {
    reader: R,
    block_size: usize,
    /// Empty, or of `block_size`.
    buffer: Vec<u8>,
}

impl<R: Read> Iterator for FileBlocks<R> {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.buffer.is_empty() {
            self.buffer = vec![0; self.block_size];
        }
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => return None,
                // To copy a short one costs less than another buffer.
                Ok(len) if len <= self.block_size / 2 => {
                    return Some(Ok(Bytes::copy_from_slice(&self.buffer[..len])));
                }
                Ok(len) => {
                    let mut block = mem::take(&mut self.buffer);
                    block.truncate(len);
                    return Some(Ok(block.into()));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

const BLOCK_SIZE: usize = 8192;

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
