//! A connection on which frames are sent that no client of HTTP/2 sends.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::case::Failure;
use crate::client::HOST;
use crate::client::deadline::limit;

/// A connection of which the kit writes every octet; of the answers it reads the frames, and not what is in them.
pub(crate) struct Frames {
    stream: TcpStream,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// A response begins.
    Answered,
    /// Its stream is reset.
    Reset,
    /// The whole connection is given up.
    Closed,
}

/// The pseudo-fields of a GET.
pub(crate) const fn pseudo(path: &str) -> [(&str, &str); 4] {
    [(":method", "GET"), (":scheme", "http"), (":authority", HOST), (":path", path)]
}

impl Frames {
    /// Connects, and sends the preface.
    pub(crate) fn connect(addr: SocketAddr) -> Result<Self, Failure> {
        let connect = || {
            let mut stream = TcpStream::connect_timeout(&addr, limit())?;
            stream.set_read_timeout(Some(limit()))?;
            stream.set_write_timeout(Some(limit()))?;
            stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
            Ok::<_, io::Error>(Self { stream })
        };
        let mut frames = connect().map_err(|error| Failure::of("connecting by HTTP/2", error))?;
        frames.send(SETTINGS, 0, 0, b"")?;
        Ok(frames)
    }

    /// Sends a request without a body on that stream, with these fields just as they are.
    pub(crate) fn request(&mut self, stream: u32, fields: &[(&str, &str)]) -> Result<(), Failure> {
        let mut block = Vec::new();
        for (name, value) in fields {
            // Each a literal that no table is to keep.
            block.push(0x10);
            for text in [name, value] {
                let len = u8::try_from(text.len()).ok().filter(|&len| len < 127);
                block.push(len.ok_or_else(|| Failure::new(format!("{text:?} is too long for the kit")))?);
                block.extend_from_slice(text.as_bytes());
            }
        }
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, &block)
    }

    /// Reads on until it is known what becomes of that stream.
    pub(crate) fn fate(&mut self, stream: u32) -> Result<Fate, Failure> {
        loop {
            let Some((kind, flags, of)) = self.read()? else {
                return Ok(Fate::Closed);
            };
            match kind {
                HEADERS if of == stream => return Ok(Fate::Answered),
                RST_STREAM if of == stream => return Ok(Fate::Reset),
                GOAWAY => return Ok(Fate::Closed),
                SETTINGS if flags & ACK == 0 => self.send(SETTINGS, ACK, 0, b"")?,
                _ => {}
            }
        }
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<(), Failure> {
        let len = u32::try_from(payload.len()).map_err(|error| Failure::of("a frame", error))?;
        let mut frame = len.to_be_bytes()[1..].to_vec();
        frame.extend_from_slice(&[kind, flags]);
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame).map_err(|error| Failure::of("sending a frame", error))
    }

    /// Reads a frame: its type, its flags, and its stream; nothing when the connection is over.
    fn read(&mut self) -> Result<Option<(u8, u8, u32)>, Failure> {
        let mut read = || {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head)?;
            let [first, second, third, kind, flags, stream @ ..] = head;
            let len = u32::from_be_bytes([0, first, second, third]);
            io::copy(&mut Read::by_ref(&mut self.stream).take(len.into()), &mut io::sink())?;
            Ok::<_, io::Error>((kind, flags, u32::from_be_bytes(stream)))
        };
        match read() {
            Ok(frame) => Ok(Some(frame)),
            Err(error) if OVER.contains(&error.kind()) => Ok(None),
            Err(error) => Err(Failure::of("reading a frame", error)),
        }
    }
}

/// How a connection may end.
const OVER: [io::ErrorKind; 3] =
    [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
