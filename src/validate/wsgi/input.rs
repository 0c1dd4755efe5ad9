//! The body of a request.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::watch::Watch;
use crate::validate::Violation;
use crate::validate::session::Findings;
use crate::wsgi::{Environ, Input};

/// Counts an input whose end only its reader knows, against the length that was announced.
///
/// One of known length keeps it by type, and is left alone.
pub(super) fn watch(watch: &Arc<Watch>, environ: &mut Environ) {
    let Some(announced) = environ.content_length() else {
        return;
    };
    if environ.input().remaining().is_none() {
        let inner = environ.take_input();
        let counted = Counted { inner, watch: Arc::clone(watch), announced, read: 0, told: false };
        environ.set_input(Input::new(counted, None));
    }
}

struct Counted {
    inner: Input,
    watch: Arc<Watch>,
    announced: u64,
    read: u64,
    told: bool,
}

impl Counted {
    fn tell(&mut self, rule: &'static str) -> io::Result<()> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(());
        }
        let mut found = Findings::default();
        let (read, announced) = (self.read, self.announced);
        found.outer(rule, format!("the input has {read} octets of {announced} announced ones"));
        self.watch.session.tell(found).map_or(Ok(()), |violation| Err(io::Error::other(InRead(violation))))
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut block = self.fill_buf()?;
        let len = block.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let len = self.inner.fill_buf()?.len();
        if len == 0 && self.read < self.announced {
            self.tell("W-82")?;
        } else if self.read.saturating_add(len as u64) > self.announced {
            self.read += len as u64;
            let told = self.tell("W-76");
            self.read -= len as u64;
            told?;
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, len: usize) {
        self.read += len as u64;
        self.inner.consume(len);
    }
}

/// Keeps the violation visible behind [`io::Error`], which shows only the source of what it holds.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct InRead(#[source] Violation);
