//! What changes the blocks of one response.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use crate::asgi::event::ResponseStart;

/// The user's function, as far as there is something for it to change.
pub(super) struct Change<T> {
    change: Option<T>,
    is_head: bool,
}

impl<T: FnMut(Bytes, bool) -> Bytes> Change<T> {
    /// What changes the response, and its head as it is then.
    pub(super) fn begin<F>(factory: &F, is_head: bool, start: &mut ResponseStart) -> Option<Self>
    where
        F: Fn(StatusCode, &mut HeaderMap) -> Option<T>,
    {
        if start.status == StatusCode::NO_CONTENT {
            return None;
        }
        let change = factory(start.status, &mut start.headers)?;
        start.headers.remove(header::CONTENT_LENGTH);
        (start.status != StatusCode::NOT_MODIFIED).then_some(Self { change: Some(change), is_head })
    }

    /// A block as it goes out.
    ///
    /// In answer to HEAD only its length counts. It is that of the GET where the whole body is here as one
    /// block; else nobody knows it, and an empty block says nothing of it.
    pub(super) fn apply(&mut self, block: Bytes, last: bool) -> Bytes {
        if self.is_head && (block.is_empty() || !last) {
            self.change = None;
        }
        self.change.as_mut().map_or_else(Bytes::new, |change| change(block, last))
    }
}
