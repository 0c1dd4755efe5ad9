//! One request and its response.

use std::thread;
use std::time::{Duration, Instant};

use gateway_iface::bytes::Bytes;

use super::deadline::limit;
use super::response::{Block, Fields, Response};
use super::{Client, QUIET};
use crate::case::Failure;
use crate::journal::Journal;

/// One request, step by step; dropped early, the client leaves.
pub(crate) struct Exchange<'a> {
    wire: Box<dyn Wire + 'a>,
    is_head: bool,
    /// How many octets of the body were read.
    read: usize,
    response: Option<Response>,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(wire: Box<dyn Wire + 'a>, is_head: bool) -> Self {
        Self { wire, is_head, read: 0, response: None }
    }

    /// Sends a block of the request body.
    pub(crate) fn send(&mut self, block: impl Into<Bytes>, last: bool) -> Result<(), Failure> {
        self.wire.send(block.into(), last)
    }

    /// Waits until the application has noted this; in process it runs meanwhile.
    pub(crate) fn until_noted(&mut self, text: &'static str, client: &Client) -> Result<(), Failure> {
        if let Some(journal) = &client.journal {
            self.wire.drive(journal, text)?;
        }
        client.wait_for(text)
    }

    /// Reads the head of the response; its body is still empty.
    pub(crate) fn head(&mut self) -> Result<&Response, Failure> {
        if self.response.is_none() {
            self.response = Some(self.wire.head()?);
        }
        self.response.as_ref().ok_or_else(|| Failure::new("no head"))
    }

    /// Reads the next block of the response.
    pub(crate) fn block(&mut self) -> Result<Block, Failure> {
        self.head()?;
        let block = self.wire.block()?;
        if let Block::Data(data) = &block {
            self.read += data.len();
        }
        Ok(block)
    }

    /// Reads at least so many octets of the body, or up to its end.
    pub(crate) fn octets(&mut self, len: usize) -> Result<Vec<u8>, Failure> {
        let mut octets = Vec::new();
        while octets.len() < len {
            match self.block()? {
                Block::Data(block) => octets.extend_from_slice(&block),
                Block::End | Block::Cut => break,
            }
        }
        Ok(octets)
    }

    /// Sends as much of a block of the request body as the host takes; whether that was something.
    ///
    /// In process the kit is the server, and takes all of it.
    pub(crate) fn offer(&mut self, block: &mut Bytes) -> Result<bool, Failure> {
        self.wire.offer(block)
    }

    /// Lets the application run until it has noted nothing more for a while; its notes.
    pub(crate) fn until_quiet(&mut self, client: &Client) -> Result<Vec<String>, Failure> {
        let end = Instant::now() + limit();
        let mut notes = client.notes()?;
        let mut since = Instant::now();
        while since.elapsed() < QUIET && Instant::now() < end {
            self.wire.poll();
            thread::sleep(Duration::from_millis(2));
            let now = client.notes()?;
            if now.len() != notes.len() {
                (notes, since) = (now, Instant::now());
            }
        }
        Ok(notes)
    }

    /// Whether nothing more of the response comes for a while, when its head is read.
    pub(crate) fn is_silent(&mut self) -> Result<bool, Failure> {
        self.wire.is_silent()
    }

    /// Leaves for good, with something of the response unread: over a socket that is a reset, where
    /// closing it might only tell that the request is over (H-101).
    pub(crate) fn leave(self) -> Result<(), Failure> {
        self.wire.leave()
    }

    /// Reads the rest of the response, and looks that nothing comes after it.
    ///
    /// In process the application comes to its end first.
    pub(crate) fn response(mut self) -> Result<Response, Failure> {
        let mut response = self.head()?.clone();
        loop {
            match self.block()? {
                Block::Data(block) => response.body.extend_from_slice(&block),
                Block::End => break response.complete = true,
                Block::Cut => return Ok(response),
            }
        }
        response.trailers = self.wire.trailers();
        self.wire.nothing_more()?;
        if !self.is_head {
            response.keeps_its_length(self.read)?;
        }
        Ok(response)
    }
}

/// What an exchange goes over.
pub(super) trait Wire {
    fn send(&mut self, block: Bytes, last: bool) -> Result<(), Failure>;

    fn head(&mut self) -> Result<Response, Failure>;

    fn block(&mut self) -> Result<Block, Failure>;

    /// The trailers of the response that has ended.
    fn trailers(&mut self) -> Fields;

    /// Fails if anything comes after the end of the response.
    fn nothing_more(&mut self) -> Result<(), Failure>;

    fn offer(&mut self, block: &mut Bytes) -> Result<bool, Failure> {
        self.send(std::mem::take(block), false)?;
        Ok(true)
    }

    fn is_silent(&mut self) -> Result<bool, Failure>;

    fn leave(self: Box<Self>) -> Result<(), Failure>;

    /// Lets an application run a step that runs only while it is looked at.
    fn poll(&mut self) {}

    /// Lets an application run that runs only while it is looked at, until it has noted this.
    fn drive(&mut self, journal: &Journal, text: &'static str) -> Result<(), Failure> {
        let _ = (journal, text);
        Ok(())
    }
}
