//! A connection of which every octet is seen.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use gateway_iface::bytes::Bytes;

use super::deadline::limit;
use super::frames::Frames;
use super::response::{Block, Fields, Response};
use crate::case::Failure;

/// An HTTP/1 connection: what was read and not looked at yet, and where its response stands.
pub(crate) struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
    framing: Framing,
    trailers: Fields,
}

/// How the body of the response under way ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Framing {
    Done,
    Length(u64),
    Chunked,
    /// With the connection.
    Close,
}

impl Raw {
    pub(crate) fn connect(addr: SocketAddr) -> Result<Self, Failure> {
        let connect = || {
            let stream = TcpStream::connect_timeout(&addr, limit())?;
            stream.set_read_timeout(Some(limit()))?;
            stream.set_write_timeout(Some(limit()))?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(stream)
        };
        let stream = connect().map_err(|error| Failure::of("connecting", error))?;
        Ok(Self { stream, buffer: Vec::new(), framing: Framing::Done, trailers: Fields::new() })
    }

    /// Sends octets as they are.
    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.stream.write_all(octets.as_ref()).map_err(|error| Failure::of("sending", error))
    }

    /// Sends as much as the server takes before it answers or closes.
    pub(crate) fn send_if_taken(&mut self, octets: impl AsRef<[u8]>) {
        // A server that refuses a request need not read the rest of it.
        let _ = self.stream.write_all(octets.as_ref());
    }

    /// Reads a whole response; `method` is that of its request.
    pub(crate) fn response(&mut self, method: &str) -> Result<Response, Failure> {
        let mut response = self.head(method)?;
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

    /// Reads the head of the final response; informational ones before it are passed over.
    pub(crate) fn head(&mut self, method: &str) -> Result<Response, Failure> {
        loop {
            let response = self.any_head(method)?;
            if response.status >= 200 {
                return Ok(response);
            }
        }
    }

    /// Reads a head, also an informational one.
    pub(crate) fn any_head(&mut self, method: &str) -> Result<Response, Failure> {
        loop {
            if let Some((response, len)) = parse(&self.buffer)? {
                self.buffer.drain(..len);
                self.framing = framing(&response, method)?;
                return Ok(response);
            }
            if !self.fill()? {
                let seen = String::from_utf8_lossy(&self.buffer);
                return Err(Failure::new(format!("the connection ended before a whole head: {seen:?}")));
            }
        }
    }

    /// Reads the next piece of the body.
    pub(crate) fn block(&mut self) -> Result<Block, Failure> {
        match self.framing {
            Framing::Done => Ok(Block::End),
            Framing::Length(left) => {
                if self.buffer.is_empty() && !self.fill()? {
                    return Ok(self.cut());
                }
                let len = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - len as u64;
                self.framing = if left == 0 { Framing::Done } else { Framing::Length(left) };
                Ok(Block::Data(self.take(len)))
            }
            Framing::Close => {
                if !self.buffer.is_empty() {
                    let len = self.buffer.len();
                    return Ok(Block::Data(self.take(len)));
                }
                match self.try_fill() {
                    Ok(true) => self.block(),
                    Ok(false) => {
                        self.framing = Framing::Done;
                        Ok(Block::End)
                    }
                    // A reset is how such a body says that it was cut (H-87).
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(self.cut()),
                    Err(error) => Err(Failure::of("reading", error)),
                }
            }
            Framing::Chunked => self.chunk(),
        }
    }

    /// The trailers of the response that was read last.
    pub(super) fn trailers(&mut self) -> Fields {
        std::mem::take(&mut self.trailers)
    }

    /// Sends as much as the server takes at once, and as comes to be taken within that time.
    pub(super) fn offer(&mut self, octets: &[u8], time: Duration) -> Result<usize, Failure> {
        let mut offer = || {
            self.stream.set_write_timeout(Some(time))?;
            let written = self.stream.write(octets);
            self.stream.set_write_timeout(Some(limit()))?;
            written
        };
        match offer() {
            Err(error) if is_timeout(&error) => Ok(0),
            offered => offered.map_err(|error| Failure::of("sending", error)),
        }
    }

    /// Whether nothing comes within that time, and nothing is left that came.
    pub(super) fn is_silent(&mut self, time: Duration) -> Result<bool, Failure> {
        if !self.buffer.is_empty() {
            return Ok(false);
        }
        let look = || {
            self.stream.set_read_timeout(Some(time))?;
            let seen = self.stream.peek(&mut [0]);
            self.stream.set_read_timeout(Some(limit()))?;
            seen
        };
        match look() {
            Err(error) if is_timeout(&error) => Ok(true),
            seen => seen.map(|_| false).map_err(|error| Failure::of("reading", error)),
        }
    }

    /// Closes with something unread: the server sees a reset.
    pub(super) fn leave(self) -> Result<(), Failure> {
        match self.stream.peek(&mut [0]) {
            Ok(0) => Err(Failure::new("the server closed before its client could leave")),
            seen => {
                seen.map(drop).map_err(|error| Failure::of("waiting for something to leave unread", error))
            }
        }
    }

    /// Goes on as a WebSocket.
    pub(crate) const fn into_frames(self) -> Frames {
        Frames::on(self)
    }

    /// Reads that many octets; `None` when the connection ends before they came.
    pub(super) fn exact(&mut self, len: usize) -> Result<Option<Bytes>, Failure> {
        while self.buffer.len() < len {
            if !self.fill()? {
                return Ok(None);
            }
        }
        Ok(Some(self.take(len)))
    }

    /// Reads on until the server closes; what came before.
    pub(crate) fn closed(&mut self) -> Result<Vec<u8>, Failure> {
        let waiting = |failure| Failure::new(format!("waiting for the connection to be closed: {failure}"));
        while self.fill().map_err(waiting)? {}
        Ok(std::mem::take(&mut self.buffer))
    }

    fn chunk(&mut self) -> Result<Block, Failure> {
        loop {
            match httparse::parse_chunk_size(&self.buffer) {
                Ok(httparse::Status::Complete((line, 0))) => return self.last_chunk(line),
                Ok(httparse::Status::Complete((line, size))) => {
                    let size = usize::try_from(size).map_err(|error| Failure::of("a chunk", error))?;
                    while self.buffer.len() < line + size + 2 {
                        if !self.fill()? {
                            return Ok(self.cut());
                        }
                    }
                    self.buffer.drain(..line);
                    let data = self.take(size);
                    let end: Vec<u8> = self.buffer.drain(..2).collect();
                    if end != b"\r\n" {
                        return Err(Failure::new(format!("after a chunk: saw {end:?}, wanted CR LF")));
                    }
                    return Ok(Block::Data(data));
                }
                Ok(httparse::Status::Partial) => {
                    if !self.fill()? {
                        return Ok(self.cut());
                    }
                }
                Err(_) => {
                    let seen = String::from_utf8_lossy(&self.buffer);
                    return Err(Failure::new(format!("no chunk: {seen:?}")));
                }
            }
        }
    }

    /// The last chunk is followed by trailers and an empty line.
    fn last_chunk(&mut self, line: usize) -> Result<Block, Failure> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
            match httparse::parse_headers(&self.buffer[line..], &mut fields) {
                Ok(httparse::Status::Complete((len, fields))) => {
                    self.trailers = fields.iter().map(owned).collect();
                    self.buffer.drain(..line + len);
                    self.framing = Framing::Done;
                    return Ok(Block::End);
                }
                Ok(httparse::Status::Partial) => {
                    if !self.fill()? {
                        return Ok(self.cut());
                    }
                }
                Err(error) => return Err(Failure::of("the trailers", error)),
            }
        }
    }

    const fn cut(&mut self) -> Block {
        self.framing = Framing::Done;
        Block::Cut
    }

    fn take(&mut self, len: usize) -> Bytes {
        self.buffer.drain(..len).collect()
    }

    /// Reads something more; false when the connection is over, in whatever way.
    fn fill(&mut self) -> Result<bool, Failure> {
        match self.try_fill() {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(false),
            Err(error) if is_timeout(&error) => {
                Err(Failure::new(format!("reading: nothing came within {:?}", limit())))
            }
            filled => filled.map_err(|error| Failure::of("reading", error)),
        }
    }

    fn try_fill(&mut self) -> io::Result<bool> {
        let mut room = [0; 16 * 1024];
        let len = self.stream.read(&mut room)?;
        self.buffer.extend_from_slice(&room[..len]);
        Ok(len > 0)
    }
}

/// The head at the beginning, and its length, once all of it is there.
fn parse(octets: &[u8]) -> Result<Option<(Response, usize)>, Failure> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    match head.parse(octets) {
        Ok(httparse::Status::Complete(len)) => {
            let fields = head.headers.iter().map(owned).collect();
            let status = head.code.unwrap_or_default();
            Ok(Some((Response { status, fields, ..Response::default() }, len)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(error) => {
            let seen = String::from_utf8_lossy(octets);
            Err(Failure::new(format!("the head of a response ({error}): {seen:?}")))
        }
    }
}

fn owned(field: &httparse::Header<'_>) -> (String, Vec<u8>) {
    (field.name.to_ascii_lowercase(), field.value.to_vec())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// How the body ends (H-77, H-82, H-88); one field at most may say so (H-69).
fn framing(response: &Response, method: &str) -> Result<Framing, Failure> {
    for name in ["content-length", "transfer-encoding"] {
        let count = response.all(name).count();
        if count > 1 {
            return Err(Failure::new(format!("the response has {count} fields `{name}`")));
        }
    }
    let length = response.field("content-length");
    let coding = response.field("transfer-encoding");
    if length.is_some() && coding.is_some() {
        return Err(Failure::new("the response has both content-length and transfer-encoding"));
    }
    if method == "HEAD" || response.status < 200 || matches!(response.status, 204 | 304) {
        return Ok(Framing::Done);
    }
    match (length, coding) {
        (None, None) => Ok(Framing::Close),
        (None, Some(coding)) if coding == "chunked" => Ok(Framing::Chunked),
        (_, Some(coding)) => Err(Failure::new(format!("the response has the transfer coding {coding:?}"))),
        (Some(length), None) => match length.parse() {
            Ok(0) => Ok(Framing::Done),
            Ok(length) => Ok(Framing::Length(length)),
            Err(_) => Err(Failure::new(format!("the response has the content-length {length:?}"))),
        },
    }
}

const MAX_FIELDS: usize = 100;
