//! One stream: a request and its response, step by step.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::time::Duration;

use gateway_iface::bytes::Bytes;
use gateway_iface::http::HeaderMap;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};

use super::connection::Threads;
use crate::case::Failure;
use crate::client::response::{Fields, fields};
use crate::client::{Block, QUIET, Response};

pub(crate) struct Stream {
    threads: Threads,
    upload: SendStream<Bytes>,
    /// Until the head is there.
    head: Option<ResponseFuture>,
    body: Option<RecvStream>,
    /// What came before it was asked for.
    early: VecDeque<Block>,
    trailers: Fields,
}

impl Stream {
    pub(super) const fn new(threads: Threads, head: ResponseFuture, upload: SendStream<Bytes>) -> Self {
        Self {
            threads,
            upload,
            head: Some(head),
            body: None,
            early: VecDeque::new(),
            trailers: Fields::new(),
        }
    }

    /// Sends a block of the request body, as far as the server takes it.
    pub(crate) fn send(&mut self, block: impl Into<Bytes>, last: bool) {
        let mut block = block.into();
        while !block.is_empty() {
            self.upload.reserve_capacity(block.len());
            let capacity = poll_fn(|cx| self.upload.poll_capacity(cx));
            // A server that refuses a request need not read the rest of it.
            let Ok(Some(Ok(room))) = self.threads.wait("sending", capacity) else {
                return;
            };
            let piece = block.split_to(room.min(block.len()));
            let ends = last && block.is_empty();
            if self.upload.send_data(piece, ends).is_err() || ends {
                return;
            }
        }
        // Over already where the server has taken the stream back.
        let _ = self.upload.send_data(Bytes::new(), last);
    }

    /// Sends as much as the server takes within that time.
    pub(super) fn offer(&mut self, block: &mut Bytes, time: Duration) -> bool {
        self.upload.reserve_capacity(block.len());
        let capacity = poll_fn(|cx| self.upload.poll_capacity(cx));
        let Some(Some(Ok(room))) = self.threads.wait_a_while(time, capacity) else {
            return false;
        };
        let piece = block.split_to(room.min(block.len()));
        self.upload.send_data(piece, false).is_ok() && room > 0
    }

    /// Sends as much as the server takes until it takes nothing for a while, or all of so many octets; how much that
    /// was.
    pub(crate) fn fill(&mut self, len: usize) -> usize {
        let mut left = Bytes::from(vec![b'x'; len]);
        while !left.is_empty() && self.offer(&mut left, QUIET) {}
        len - left.len()
    }

    /// Ends the body of the request with these fields.
    pub(crate) fn send_trailers(&mut self, fields: HeaderMap) -> Result<(), Failure> {
        self.upload.send_trailers(fields).map_err(|error| Failure::of("sending trailers", error))
    }

    /// Takes the stream back.
    pub(crate) fn reset(mut self) {
        self.upload.send_reset(Reason::CANCEL);
    }

    /// The next informational response; `None` when the final one is there.
    pub(crate) fn interim(&mut self) -> Result<Option<Response>, Failure> {
        let Some(head) = &mut self.head else {
            return Ok(None);
        };
        let informational = poll_fn(|cx| head.poll_informational(cx));
        let response = self.threads.wait("waiting for a head", informational)?;
        let response = response.transpose().map_err(|error| Failure::of("the response", error))?;
        Ok(response.map(|response| Response::new(response.status().as_u16(), response.headers())))
    }

    /// Reads the head of the final response.
    pub(crate) fn head(&mut self) -> Result<Response, Failure> {
        let head = self.head.take().ok_or_else(|| Failure::new("the head was read before"))?;
        let response = self.threads.wait("waiting for a head", head)?;
        let response = response.map_err(|error| Failure::of("the response", error))?;
        let seen = Response::new(response.status().as_u16(), response.headers());
        self.body = Some(response.into_body());
        Ok(seen)
    }

    /// Reads the next piece of the body.
    pub(crate) fn block(&mut self) -> Result<Block, Failure> {
        if let Some(block) = self.early.pop_front() {
            return Ok(block);
        }
        let Some(body) = &mut self.body else {
            return Ok(Block::End);
        };
        self.threads.wait("reading", next(body, &mut self.trailers))
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

    /// Whether nothing comes within that time.
    pub(super) fn is_silent(&mut self, time: Duration) -> bool {
        if let (true, Some(body)) = (self.early.is_empty(), &mut self.body) {
            self.early.extend(self.threads.wait_a_while(time, next(body, &mut self.trailers)));
        }
        self.early.is_empty()
    }

    /// Whether nothing comes for a while.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.is_silent(QUIET)
    }

    pub(super) fn trailers(&mut self) -> Fields {
        mem::take(&mut self.trailers)
    }

    /// Reads a whole response, or as much as comes of it.
    pub(crate) fn response(mut self) -> Result<Response, Failure> {
        let mut response = self.head()?;
        loop {
            match self.block()? {
                Block::Data(block) => response.body.extend_from_slice(&block),
                Block::End => break response.complete = true,
                Block::Cut => break,
            }
        }
        response.trailers = self.trailers();
        Ok(response)
    }

    /// Fails when the stream comes to a whole response with 2xx: it must be refused or broken off.
    pub(crate) fn must_be_refused(self) -> Result<(), Failure> {
        match self.response() {
            Ok(response) if response.complete && response.status < 300 => {
                Err(Failure::new(format!("answered with {}: {:?}", response.status, response.text())))
            }
            // It need not be answered at all.
            _ => Ok(()),
        }
    }
}

/// What comes next: data, or the end with its trailers.
async fn next(body: &mut RecvStream, trailers: &mut Fields) -> Block {
    while let Some(block) = body.data().await {
        match block {
            // A frame without data may end the stream, and means nothing else.
            Ok(block) if block.is_empty() => {}
            Ok(block) => {
                // What is lost on the way is seen by the next read.
                let _ = body.flow_control().release_capacity(block.len());
                return Block::Data(block);
            }
            Err(_) => return Block::Cut,
        }
    }
    match body.trailers().await {
        Ok(last) => {
            *trailers = last.map(|last| fields(&last)).unwrap_or_default();
            Block::End
        }
        Err(_) => Block::Cut,
    }
}
