//! A file as part of a response body.

use std::fs::File;
use std::future::Future;
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gateway_iface::asgi::event::{PathSend, ZeroCopySend};
use gateway_iface::asgi::{InvalidEvent, SendError};
use tokio::task::JoinHandle;

/// The part of a file that is still to be sent.
///
/// It is read block by block on the runtime's threads for blocking calls, one block ahead of the client.
#[derive(Debug)]
pub(super) struct FilePart {
    file: Arc<File>,
    offset: u64,
    left: u64,
    /// Whether it begins at the file's own position, which moves as if the octets were read.
    moves: bool,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FilePart {
    /// The part that the event names; its count is filled in.
    pub(super) fn of_descriptor(event: &mut ZeroCopySend) -> Result<Self, SendError> {
        const NAME: &str = "http.response.zerocopysend";
        let refuse = |error: io::Error| InvalidEvent::new(NAME, format!("the file cannot be read: {error}"));
        let mut file = &*event.file;
        let len = file.metadata().map_err(refuse)?.len();
        let offset = match event.offset {
            Some(offset) => offset,
            None => file.stream_position().map_err(refuse)?,
        };
        let rest = len.saturating_sub(offset);
        let left = event.count.unwrap_or(rest);
        if left > rest {
            let reason = format!("{left} octets from {offset} are more than the file has: {len}");
            return Err(InvalidEvent::new(NAME, reason).into());
        }
        event.count = Some(left);
        let moves = event.offset.is_none();
        Ok(Self { file: Arc::clone(&event.file), offset, left, moves, reading: None })
    }

    /// The whole file at the path that the event names; `declared` is the length that the head of the
    /// response has (H-85).
    pub(super) fn of_path(event: &PathSend, declared: Option<u64>) -> Result<Self, SendError> {
        const NAME: &str = "http.response.pathsend";
        if !event.path.is_absolute() {
            return Err(InvalidEvent::new(NAME, "the path is not absolute").into());
        }
        let open = || -> io::Result<_> {
            let file = File::open(&event.path)?;
            let metadata = file.metadata()?;
            if metadata.is_file() {
                Ok((file, metadata.len()))
            } else {
                Err(io::ErrorKind::InvalidInput.into())
            }
        };
        let (file, left) =
            open().map_err(|error| InvalidEvent::new(NAME, format!("the file cannot be opened: {error}")))?;
        if declared.is_some_and(|declared| declared != left) {
            return Err(InvalidEvent::new(NAME, "the file has not the length that the head declares").into());
        }
        Ok(Self { file: Arc::new(file), offset: 0, left, moves: false, reading: None })
    }

    /// The event was accepted.
    pub(super) fn accepted(&self) {
        if self.moves {
            // A file without a position has none to move.
            let _ = (&*self.file).seek(SeekFrom::Start(self.offset + self.left));
        }
    }

    /// How many octets of it are not handed out yet.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// The next block; `None` at the end.
    pub(super) fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let reading = self.reading.get_or_insert_with(|| read(&self.file, self.offset, self.left));
        let block = match ready!(Pin::new(reading).poll(cx)) {
            Ok(block) => block,
            Err(error) => Err(io::Error::other(error)),
        };
        self.reading = None;
        let block = match block {
            Ok(block) if block.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            block => block,
        };
        if let Ok(block) = &block {
            self.offset += block.len() as u64;
            self.left -= block.len() as u64;
            if self.left > 0 {
                self.reading = Some(read(&self.file, self.offset, self.left));
            }
        }
        Poll::Ready(Some(block))
    }
}

fn read(file: &Arc<File>, offset: u64, left: u64) -> JoinHandle<io::Result<Bytes>> {
    let file = Arc::clone(file);
    tokio::task::spawn_blocking(move || {
        let mut block = vec![0; usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK))];
        loop {
            match file.read_at(&mut block, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(len) => {
                    block.truncate(len);
                    return Ok(block.into());
                }
            }
        }
    })
}

/// Octets that are read at a time.
const BLOCK: usize = 128 * 1024;
