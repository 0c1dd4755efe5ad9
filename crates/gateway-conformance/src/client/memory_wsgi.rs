//! An exchange with a synchronous application in this process.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::thread;

use gateway_iface::RequestHead;
use gateway_iface::asgi::Disconnect;
use gateway_iface::bytes::{Buf, Bytes};
use gateway_iface::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use gateway_iface::wsgi::{self, Environ, Input, Transport};

use super::deadline::limit;
use super::response::{Block, Fields, Response};
use super::{QUIET, Upload, Wire};
use crate::case::Failure;

pub(super) struct WsgiWire {
    events: Option<Receiver<Event>>,
    upload: Option<std::sync::mpsc::Sender<Bytes>>,
    /// Tells when the call is over.
    over: Receiver<()>,
    /// An event that was looked for, and not read yet.
    seen: Option<Event>,
    ended: bool,
}

enum Event {
    Head(Response),
    Block(Bytes),
    End { complete: bool },
}

impl WsgiWire {
    pub(super) fn open(
        app: Arc<dyn wsgi::Application>,
        request: Request<()>,
        upload: Upload,
    ) -> Result<Self, Failure> {
        let (mut parts, ()) = request.into_parts();
        let (feed, fed) = channel();
        let (length, feed) = match upload {
            Upload::None => (Some(0), None),
            Upload::Sized(len) => {
                parts.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(len));
                (Some(len as u64), Some(feed))
            }
            Upload::Chunked => (None, Some(feed)),
        };
        let input = match length {
            Some(0) => Input::empty(),
            length => Input::new(Fed { blocks: fed, block: Bytes::new(), ended: false }, length),
        };
        let environ = Environ::new(Box::new(RequestHead::on(parts, Arc::new(super::local()))), input);
        let (tell, events) = sync_channel(0);
        let (done, over) = channel();
        let call = move || {
            let mut client = Memory { tell, ended: false };
            let complete = match wsgi::run(&*app, environ, &mut client) {
                Ok(()) => true,
                Err(error) => !error.is_aborted(),
            };
            if !client.ended {
                // Whoever left does not care how it ended.
                let _ = client.tell.send(Event::End { complete });
            }
            let _ = done.send(());
        };
        let spawned = thread::Builder::new().name("server".to_owned()).spawn(call);
        spawned.map_err(|error| Failure::of("starting a thread", error))?;
        Ok(Self { events: Some(events), upload: feed, over, seen: None, ended: false })
    }

    fn next(&mut self) -> Result<Event, Failure> {
        if let Some(event) = self.seen.take() {
            return Ok(event);
        }
        let events = self.events.as_ref().ok_or_else(|| Failure::new("the exchange is over"))?;
        events.recv_timeout(limit()).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                Failure::new(format!("waiting for the application: nothing came within {:?}", limit()))
            }
            RecvTimeoutError::Disconnected => Failure::new("the server's thread panicked"),
        })
    }
}

impl Wire for WsgiWire {
    fn send(&mut self, block: Bytes, last: bool) -> Result<(), Failure> {
        if let Some(upload) = &self.upload
            && !block.is_empty()
        {
            // An application that does not read leaves the rest of the body where it is.
            let _ = upload.send(block);
        }
        if last && let Some(upload) = self.upload.take() {
            let _ = upload.send(Bytes::new());
        }
        Ok(())
    }

    fn head(&mut self) -> Result<Response, Failure> {
        match self.next()? {
            Event::Head(head) => Ok(head),
            Event::Block(_) => Err(Failure::new("a block was sent before the head")),
            Event::End { .. } => Err(Failure::new("the exchange ended without a response")),
        }
    }

    fn block(&mut self) -> Result<Block, Failure> {
        if self.ended {
            return Ok(Block::End);
        }
        match self.next()? {
            Event::Block(block) => Ok(Block::Data(block)),
            Event::Head(_) => Err(Failure::new("a second head was sent")),
            Event::End { complete } => {
                self.ended = true;
                Ok(if complete { Block::End } else { Block::Cut })
            }
        }
    }

    /// A synchronous interface has none.
    fn trailers(&mut self) -> Fields {
        Fields::new()
    }

    /// The end of the response is that of the call.
    fn nothing_more(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn is_silent(&mut self) -> Result<bool, Failure> {
        if self.ended {
            return Ok(true);
        }
        if let (None, Some(events)) = (&self.seen, &self.events) {
            self.seen = events.recv_timeout(QUIET).ok();
        }
        Ok(self.seen.is_none())
    }

    fn leave(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

/// A client that leaves, or has its response: waits until the call is over, so that its notes are there.
impl Drop for WsgiWire {
    fn drop(&mut self) {
        (self.events, self.upload) = (None, None);
        let _ = self.over.recv_timeout(limit());
    }
}

/// The server's side of the response.
struct Memory {
    tell: SyncSender<Event>,
    /// Whether the response is complete.
    ended: bool,
}

impl Memory {
    fn tell(&self, event: Event) -> io::Result<()> {
        self.tell.send(event).map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, Disconnect::Client))
    }
}

impl Transport for Memory {
    fn head(&mut self, status: StatusCode, mut headers: HeaderMap, length: Option<u64>) -> io::Result<()> {
        if let Some(length) = length {
            headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
        }
        self.tell(Event::Head(Response::new(status.as_u16(), &headers)))
    }

    fn block(&mut self, data: Bytes) -> io::Result<()> {
        self.tell(Event::Block(data))
    }

    fn end(&mut self) -> io::Result<()> {
        self.ended = true;
        self.tell(Event::End { complete: true })
    }
}

/// The request body as its client sends it; an empty block is its end.
struct Fed {
    blocks: Receiver<Bytes>,
    block: Bytes,
    ended: bool,
}

impl BufRead for Fed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.block.is_empty() && !self.ended {
            self.block = self
                .blocks
                .recv()
                .map_err(|_| io::Error::new(io::ErrorKind::ConnectionReset, Disconnect::Client))?;
            self.ended = self.block.is_empty();
        }
        Ok(&self.block)
    }

    fn consume(&mut self, len: usize) {
        self.block.advance(len.min(self.block.len()));
    }
}

impl Read for Fed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.fill_buf()?.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}
