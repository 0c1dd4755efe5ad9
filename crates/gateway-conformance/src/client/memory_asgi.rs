//! An exchange with an asynchronous application in this process.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::mem;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use gateway_iface::asgi::event::{SendEvent, ZeroCopySend};
use gateway_iface::asgi::machine::{Action, HttpState};
use gateway_iface::asgi::{self, Disconnect};
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{HeaderMap, HeaderValue, Request, header};
use gateway_iface::testing::{AsgiClient, HttpExchange};
use gateway_iface::{Connection, RequestHead};

use super::deadline::run;
use super::response::{Block, Fields, Response, fields};
use super::{QUIET, Upload, Wire};
use crate::case::Failure;
use crate::journal::Journal;

pub(super) struct AsgiWire<'a> {
    /// There until it is dropped.
    exchange: Option<HttpExchange<'a>>,
    /// What came with the head, and was not read yet.
    read: VecDeque<Block>,
    trailers: Fields,
    ended: bool,
}

impl<'a> AsgiWire<'a> {
    pub(super) fn open(
        client: &'a AsgiClient<Arc<dyn asgi::Application>>,
        connection: &Arc<Connection>,
        request: Request<()>,
        upload: Upload,
    ) -> Self {
        let (mut parts, ()) = request.into_parts();
        if let Upload::Sized(len) = upload {
            parts.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(len));
        }
        let mut exchange = client.begin(RequestHead::on(parts, Arc::clone(connection)));
        if let Upload::None = upload {
            exchange.feed("", false);
        }
        Self { exchange: Some(exchange), read: VecDeque::new(), trailers: Fields::new(), ended: false }
    }

    fn exchange(&mut self) -> &mut HttpExchange<'a> {
        self.exchange.as_mut().expect("it is there until it is dropped")
    }

    fn next_event(&mut self) -> Result<Option<SendEvent>, Failure> {
        run("waiting for an event of the application", self.exchange().next_event())
    }

    /// What the application's end comes to when the head is not out: an answer of the server's own.
    fn answer(&mut self) -> Result<Response, Failure> {
        self.ended = true;
        match self.exchange().ending().map(|ending| ending.action) {
            Some(Action::Answer(status)) => {
                self.read.push_back(Block::End);
                Ok(Response::new(status.as_u16(), &HeaderMap::new()))
            }
            ending => Err(Failure::new(format!("the exchange ended without a response: {ending:?}"))),
        }
    }

    fn take(&mut self, event: SendEvent) -> Result<(), Failure> {
        let (data, more) = match event {
            SendEvent::ResponseBody(block) => (block.body, block.more_body),
            SendEvent::PathSend(file) => {
                let data = std::fs::read(&file.path);
                (data.map_err(|error| Failure::of("reading the file that was sent", error))?.into(), false)
            }
            SendEvent::ZeroCopySend(part) => (read(&part)?, part.more_body),
            SendEvent::ResponseTrailers(trailers) => {
                self.trailers.extend(fields(&trailers.headers));
                (Bytes::new(), trailers.more_trailers)
            }
            SendEvent::ResponseStart(_) => return Err(Failure::new("a second head was sent")),
            _ => return Ok(()),
        };
        let more = more || self.exchange().state() == HttpState::Trailers;
        if !data.is_empty() {
            self.read.push_back(Block::Data(data));
        }
        if !more {
            self.read.push_back(Block::End);
        }
        Ok(())
    }
}

/// The part of a file that is sent.
fn read(part: &ZeroCopySend) -> Result<Bytes, Failure> {
    let read = || {
        let (mut file, mut data) = (&*part.file, Vec::new());
        let back = file.stream_position()?;
        file.seek(SeekFrom::Start(part.offset.unwrap_or(back)))?;
        file.take(part.count.unwrap_or(u64::MAX)).read_to_end(&mut data)?;
        if part.offset.is_some() {
            file.seek(SeekFrom::Start(back))?;
        }
        Ok::<_, io::Error>(Bytes::from(data))
    };
    read().map_err(|error| Failure::of("reading the file that was sent", error))
}

impl Wire for AsgiWire<'_> {
    fn send(&mut self, block: Bytes, last: bool) -> Result<(), Failure> {
        self.exchange().feed(block, !last);
        Ok(())
    }

    /// The head is out when content follows it: until then a failure replaces it.
    fn head(&mut self) -> Result<Response, Failure> {
        let mut head = None;
        while let Some(event) = self.next_event()? {
            match (event, head.take()) {
                (SendEvent::ResponseStart(start), _) => head = Some(start),
                (
                    event
                    @ (SendEvent::ResponseBody(_) | SendEvent::PathSend(_) | SendEvent::ZeroCopySend(_)),
                    Some(start),
                ) => {
                    self.take(event)?;
                    return Ok(Response::new(start.status.as_u16(), &start.headers));
                }
                (_, kept) => head = kept,
            }
        }
        self.answer()
    }

    fn block(&mut self) -> Result<Block, Failure> {
        loop {
            if let Some(block) = self.read.pop_front() {
                self.ended = !matches!(block, Block::Data(_));
                return Ok(block);
            }
            if self.ended {
                return Ok(Block::End);
            }
            match self.next_event()? {
                Some(event) => self.take(event)?,
                None => {
                    self.ended = true;
                    return Ok(Block::Cut);
                }
            }
        }
    }

    fn trailers(&mut self) -> Fields {
        mem::take(&mut self.trailers)
    }

    fn nothing_more(&mut self) -> Result<(), Failure> {
        if let Some(block) = self.read.pop_front() {
            return Err(Failure::new(format!("after the response came {block:?}")));
        }
        match self.next_event()? {
            Some(event) => Err(Failure::new(format!("after the response came {}", event.name()))),
            None => Ok(()),
        }
    }

    fn is_silent(&mut self) -> Result<bool, Failure> {
        let end = Instant::now() + QUIET;
        while self.read.is_empty() && Instant::now() < end {
            self.poll();
            if let Some(event) = self.exchange().take_event() {
                self.take(event)?;
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(self.read.is_empty())
    }

    fn leave(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }

    fn poll(&mut self) {
        let _ = self.exchange().poll_once();
    }

    /// The client takes nothing meanwhile, so an application that sends too much has to wait.
    fn drive(&mut self, journal: &Journal, text: &'static str) -> Result<(), Failure> {
        let exchange = self.exchange();
        let mut noted = Box::pin(journal.wait(text));
        let driven = poll_fn(|cx| {
            // An application that is over may still have noted it.
            let over = exchange.poll(cx).is_ready();
            if over { Poll::Ready(()) } else { noted.as_mut().poll(cx) }
        });
        run("waiting for a note of the application", driven)
    }
}

/// A client that leaves, or has its response: the application runs to its end.
impl Drop for AsgiWire<'_> {
    fn drop(&mut self) {
        let Some(mut exchange) = self.exchange.take() else {
            return;
        };
        exchange.disconnect(Disconnect::Client);
        if run("waiting for the end of the application", exchange.finish()).is_err() {
            // Dropped, its call would look as if it had been told of the loss.
            mem::forget(exchange);
        }
    }
}
