//! From octets to messages.

use bytes::Bytes;
use gateway_iface::asgi::event::Message;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::close::{Failure, PeerClose};
use super::frame::{Head, MAX_HEAD, unmask};
use super::inflate::Inflater;

/// Puts messages together out of what the client sends.
///
/// Memory is taken as octets come (S-40), and given away with each message.
#[derive(Debug)]
pub(super) struct Reader {
    max_message: usize,
    max_frame: usize,
    /// What there is of a head that is not complete.
    head: [u8; MAX_HEAD],
    head_len: usize,
    /// The frame that is being read, and how many of its octets came.
    frame: Option<(Head, u64)>,
    /// The kind of the message that is open, and whether it is compressed.
    open: Option<(Kind, bool)>,
    message: Vec<u8>,
    /// How much of a text is known to be valid.
    valid: usize,
    control: Vec<u8>,
    inflater: Option<Inflater>,
}

/// What the client sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Incoming {
    Message(Message),
    Ping(Vec<u8>),
    Pong,
    Close(PeerClose),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Text,
    Binary,
}

impl Reader {
    /// With an inflater where compression was agreed on.
    pub(super) const fn new(max_message: usize, max_frame: usize, inflater: Option<Inflater>) -> Self {
        Self {
            max_message,
            max_frame,
            head: [0; MAX_HEAD],
            head_len: 0,
            frame: None,
            open: None,
            message: Vec::new(),
            valid: 0,
            control: Vec::new(),
            inflater,
        }
    }

    /// Reads on until something is complete or the octets are used up: how many were used.
    ///
    /// A payload is unmasked where it lies.
    pub(super) fn read(&mut self, octets: &mut [u8]) -> Result<(usize, Option<Incoming>), Failure> {
        let mut used = 0;
        loop {
            let (head, came) = if let Some(frame) = self.frame {
                frame
            } else {
                let Some(head) = self.read_head(&octets[used..])? else {
                    return Ok((octets.len(), None));
                };
                used += head.1;
                self.begin(&head.0)?;
                (head.0, 0)
            };
            let left = usize::try_from(head.len - came).unwrap_or(usize::MAX);
            let take = left.min(octets.len() - used);
            let payload = &mut octets[used..used + take];
            used += take;
            unmask(payload, head.mask, came);
            self.take(&head, payload)?;
            if take < left {
                self.frame = Some((head, came + take as u64));
                self.check_prefix()?;
                return Ok((used, None));
            }
            self.frame = None;
            if let Some(incoming) = self.complete(&head)? {
                return Ok((used, Some(incoming)));
            }
        }
    }

    /// Reads a head, parts of which may have come before; how many of these octets it took.
    fn read_head(&mut self, octets: &[u8]) -> Result<Option<(Head, usize)>, Failure> {
        if self.head_len == 0 {
            let parsed = Head::parse(octets)?;
            if parsed.is_none() {
                self.head[..octets.len()].copy_from_slice(octets);
                self.head_len = octets.len();
            }
            return Ok(parsed);
        }
        let before = self.head_len;
        let take = octets.len().min(MAX_HEAD - before);
        self.head[before..before + take].copy_from_slice(&octets[..take]);
        let Some((head, len)) = Head::parse(&self.head[..before + take])? else {
            self.head_len = before + take;
            return Ok(None);
        };
        self.head_len = 0;
        Ok(Some((head, len - before)))
    }

    /// Whether a frame with this head may come now (S-29, S-34, S-40).
    fn begin(&mut self, head: &Head) -> Result<(), Failure> {
        let OpCode::Data(data) = head.opcode else {
            return if head.compressed { Err(RESERVED_BIT) } else { Ok(()) };
        };
        if head.len > self.max_frame as u64 {
            return Err(Failure::size("a frame that is too large"));
        }
        let compressed = match (data, self.open) {
            (Data::Continue, Some((_, compressed))) if !head.compressed => compressed,
            (Data::Continue, Some(_)) => return Err(RESERVED_BIT),
            (Data::Continue, None) => return Err(Failure::protocol("a continuation of nothing")),
            (_, Some(_)) => return Err(Failure::protocol("a message within another")),
            (_, None) if head.compressed && self.inflater.is_none() => return Err(RESERVED_BIT),
            (data, None) => {
                let kind = if data == Data::Text { Kind::Text } else { Kind::Binary };
                self.open = Some((kind, head.compressed));
                head.compressed
            }
        };
        if !compressed && head.len > (self.max_message - self.message.len()) as u64 {
            return Err(TOO_LARGE);
        }
        Ok(())
    }

    fn take(&mut self, head: &Head, payload: &[u8]) -> Result<(), Failure> {
        match (head.opcode, self.open, &mut self.inflater) {
            (OpCode::Control(_), ..) => self.control.extend_from_slice(payload),
            (_, Some((_, true)), Some(inflater)) => {
                inflater.push(payload, &mut self.message, self.max_message)?;
            }
            _ => self.message.extend_from_slice(payload),
        }
        Ok(())
    }

    /// A text that is certainly none is not waited for (S-39).
    fn check_prefix(&mut self) -> Result<(), Failure> {
        if !matches!(self.open, Some((Kind::Text, _))) {
            return Ok(());
        }
        match std::str::from_utf8(&self.message[self.valid..]) {
            Ok(text) => self.valid += text.len(),
            Err(error) if error.error_len().is_some() => return Err(Failure::text()),
            Err(error) => self.valid += error.valid_up_to(),
        }
        Ok(())
    }

    /// A frame is complete: what that completes.
    fn complete(&mut self, head: &Head) -> Result<Option<Incoming>, Failure> {
        if let OpCode::Control(control) = head.opcode {
            let payload = std::mem::take(&mut self.control);
            return Ok(Some(match control {
                Control::Ping => Incoming::Ping(payload),
                Control::Close => Incoming::Close(PeerClose::parse(&payload)?),
                _ => Incoming::Pong,
            }));
        }
        if !head.is_final {
            self.check_prefix()?;
            return Ok(None);
        }
        let Some((kind, compressed)) = self.open.take() else {
            return Ok(None);
        };
        if let (true, Some(inflater)) = (compressed, &mut self.inflater) {
            inflater.finish(&mut self.message, self.max_message)?;
        }
        self.valid = 0;
        let message = std::mem::take(&mut self.message);
        Ok(Some(Incoming::Message(match kind {
            Kind::Text => Message::Text(String::from_utf8(message).map_err(|_| Failure::text())?),
            Kind::Binary => Message::Binary(Bytes::from(message)),
        })))
    }
}

const RESERVED_BIT: Failure = Failure::protocol("a reserved bit");
pub(super) const TOO_LARGE: Failure = Failure::size("a message that is too large");

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
