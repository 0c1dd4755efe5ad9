//! The body of a response.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::watch::Watch;
use crate::error::Error;
use crate::wsgi::Body;

/// Watches a body of several blocks; one that knows its length is known here too, and stays as it is.
pub(super) fn watch(watch: Arc<Watch>, body: Body) -> Result<Body, Error> {
    if let Some(len) = body.exact_len() {
        let violation = watch.whole(usize::try_from(len).unwrap_or(usize::MAX));
        return violation.map_or(Ok(body), |violation| Err(violation.into()));
    }
    watch.opened(body.size_hint().1);
    if !body.has_closers() {
        return Ok(Body::try_blocks(Blocks { body: Held::Own(body), watch }));
    }
    let shared = Arc::new(Mutex::new(Some(body)));
    let blocks = Blocks { body: Held::Shared(Arc::clone(&shared)), watch: Arc::clone(&watch) };
    Ok(Body::try_blocks(blocks).on_close(move || {
        let _closed = Closed(watch);
        let body = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
        body.map_or(Ok(()), Body::close)
    }))
}

struct Blocks {
    body: Held,
    watch: Arc<Watch>,
}

enum Held {
    /// Nothing runs at its close, so that it can be dropped here.
    Own(Body),
    /// What closes it has it too.
    Shared(Arc<Mutex<Option<Body>>>),
}

impl Blocks {
    fn with<T>(&mut self, otherwise: T, ask: impl FnOnce(&mut Body) -> T) -> T {
        match &mut self.body {
            Held::Own(body) => ask(body),
            Held::Shared(body) => {
                let mut body = body.lock().unwrap_or_else(PoisonError::into_inner);
                body.as_mut().map_or(otherwise, ask)
            }
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.with(None, Iterator::next);
        let violation = match &block {
            Some(Ok(block)) => self.watch.block(block.len()),
            Some(Err(_)) => None,
            None => self.watch.ended(),
        };
        violation.map_or(block, |violation| Some(Err(violation.into())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.body {
            Held::Own(body) => body.size_hint(),
            Held::Shared(body) => {
                let body = body.lock().unwrap_or_else(PoisonError::into_inner);
                body.as_ref().map_or((0, Some(0)), Iterator::size_hint)
            }
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if let Held::Own(body) = &mut self.body {
            let _closed = Closed(Arc::clone(&self.watch));
            drop(std::mem::take(body));
        }
    }
}

/// Tells the close when it is over, on every path.
struct Closed(Arc<Watch>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.closed();
    }
}
