//! The order of events of one HTTP exchange.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode, Version, header};

use super::http_head::{check_length, check_start, refuse, remove_connection_fields};
use crate::asgi::event::{ReceiveEvent, ResponseStart, SendEvent};
use crate::asgi::{Capabilities, Capability, Disconnect, InvalidEvent, SendError};
use crate::error::Error;
use crate::outcome::{Observe, Observers};
use crate::request::RequestHead;

/// The order of events of one HTTP exchange, and what is known of its response.
///
/// It refuses what the tables of A-66 call an error and leaves the state as it was, drops what
/// belongs to the connection from heads, counts the body against `content-length`
/// and tells the [`Observe`]rs.
#[derive(Debug)]
pub struct HttpMachine {
    state: HttpState,
    capabilities: Capabilities,
    is_head: bool,
    is_http_10: bool,
    bodiless: bool,
    trailers: bool,
    debugged: bool,
    request_read: bool,
    declared: Option<u64>,
    sent: u64,
    /// Whether all that was sent is counted: not so after a part of a file that is as long as the file is.
    counted: bool,
    gone: Option<Disconnect>,
    observers: Observers,
}

/// How far the response got; the loss of the client is apart from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HttpState {
    /// No start yet.
    Idle,
    /// Start taken, no content yet.
    Started,
    /// Content taken, more to come.
    Streaming,
    /// Content complete, trailers to come.
    Trailers,
    /// Complete.
    Done,
}

/// What to do with an event that is not an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Act on it.
    Accepted,
    /// Drop it: the response is complete, or it is a hint that would come too late, or to a client
    /// that knows none.
    Ignored,
}

/// What to do when the application's call is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ending {
    /// What the client gets.
    pub action: Action,
    /// Whether it is the application's fault and is to be logged.
    pub fault: bool,
}

/// What the client gets when the application's call is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Nothing more.
    Nothing,
    /// A response of the server's own with this status.
    Answer(StatusCode),
    /// A connection broken off, so that the response is seen to be cut (H-87).
    Abort,
}

impl HttpMachine {
    /// For the request with this head.
    #[must_use]
    pub fn new(head: &RequestHead) -> Self {
        Self {
            state: HttpState::Idle,
            capabilities: head.capabilities(),
            is_head: head.method() == Method::HEAD,
            is_http_10: head.version() == Version::HTTP_10,
            bodiless: false,
            trailers: false,
            debugged: false,
            request_read: false,
            declared: None,
            sent: 0,
            counted: true,
            gone: None,
            observers: Observers::new(),
        }
    }

    /// Begins anew for the next request; the room for observers is kept.
    pub fn reset(&mut self, head: &RequestHead) {
        self.finish();
        self.state = HttpState::Idle;
        self.capabilities = head.capabilities();
        self.is_head = head.method() == Method::HEAD;
        self.is_http_10 = head.version() == Version::HTTP_10;
        self.bodiless = false;
        self.trailers = false;
        self.debugged = false;
        self.request_read = false;
        self.declared = None;
        self.sent = 0;
        self.counted = true;
        self.gone = None;
    }

    /// How far the response got.
    #[must_use]
    pub const fn state(&self) -> HttpState {
        self.state
    }

    /// The length that the application declared, in octets.
    #[must_use]
    pub const fn declared_length(&self) -> Option<u64> {
        self.declared
    }

    /// Whether body octets are dropped: HEAD, 204, 304 (A-75, H-77).
    #[must_use]
    pub const fn is_bodiless(&self) -> bool {
        self.bodiless
    }

    /// Why the exchange is over, if it is: what `receive` tells.
    #[must_use]
    pub fn disconnect(&self) -> Option<Disconnect> {
        match self.state {
            HttpState::Done => Some(Disconnect::Complete),
            _ => self.gone,
        }
    }

    /// The exchange was lost: from now on sending fails, unless the response was complete.
    pub fn lose(&mut self, reason: Disconnect) {
        self.gone.get_or_insert(reason);
    }

    /// Whether the request body was handed over to its end.
    #[must_use]
    pub const fn is_request_read(&self) -> bool {
        self.request_read
    }

    /// An event was handed to the application.
    pub const fn received(&mut self, event: &ReceiveEvent) {
        if let ReceiveEvent::HttpRequest(request) = event {
            self.request_read = !request.more_body;
        }
    }

    /// Adds an observer of this exchange.
    pub fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.observers.add(observer);
    }

    /// The exchange is over: tells the observers.
    #[inline]
    pub fn finish(&mut self) {
        let reason = self.gone;
        self.observers.finish(reason);
    }

    /// The application sends this event.
    ///
    /// # Errors
    ///
    /// [`SendError::Disconnected`] when the exchange was lost, [`SendError::Invalid`] when the event
    /// is not valid now; the state is as before.
    pub fn send(&mut self, event: &mut SendEvent) -> Result<Step, SendError> {
        if self.state == HttpState::Done {
            return Ok(Step::Ignored);
        }
        if let Some(reason) = self.gone {
            return Err(reason.into());
        }
        let name = event.name();
        match event {
            SendEvent::ResponseStart(start) => self.start(start)?,
            SendEvent::ResponseBody(block) => {
                self.content(name, Some(block.body.len() as u64), block.more_body)?;
                if self.bodiless {
                    block.body = Bytes::new();
                }
            }
            SendEvent::ZeroCopySend(file) => {
                self.need(name, Capability::ZeroCopySend)?;
                self.content(name, file.count, file.more_body)?;
            }
            SendEvent::PathSend(_) => {
                self.need(name, Capability::PathSend)?;
                if self.state != HttpState::Started {
                    return Err(refuse(name, "a file by path is the whole body, after the start"));
                }
                self.end_content();
            }
            SendEvent::ResponseTrailers(trailers) => {
                self.need(name, Capability::Trailers)?;
                if self.state != HttpState::Trailers {
                    return Err(refuse(
                        name,
                        "trailers follow the last block of a response that announced them",
                    ));
                }
                if !trailers.more_trailers {
                    self.complete();
                }
            }
            SendEvent::EarlyHint(_) | SendEvent::Push(_) => {
                let early = matches!(event, SendEvent::EarlyHint(_));
                self.need(name, if early { Capability::EarlyHints } else { Capability::Push })?;
                if !matches!(self.state, HttpState::Started | HttpState::Streaming) {
                    return Err(refuse(name, "valid between the start and the last block only"));
                }
                if early && (self.state == HttpState::Streaming || self.is_http_10) {
                    return Ok(Step::Ignored);
                }
            }
            SendEvent::Debug(_) => {
                self.need(name, Capability::Debug)?;
                if self.state != HttpState::Idle || self.debugged {
                    return Err(refuse(name, "valid once, before the start"));
                }
                self.debugged = true;
            }
            SendEvent::Vendor(_) => self.need(name, Capability::Vendor)?,
            _ => return Err(InvalidEvent::other_protocol(name, "not an event of the http protocol").into()),
        }
        Ok(Step::Accepted)
    }

    /// The application sends a whole response: a start and its last block in one go.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); where only the block is refused, the start was accepted.
    #[inline]
    pub fn respond(&mut self, start: &mut ResponseStart, body: &mut Bytes) -> Result<Step, SendError> {
        if self.state == HttpState::Done {
            return Ok(Step::Ignored);
        }
        if let Some(reason) = self.gone {
            return Err(reason.into());
        }
        self.start(start)?;
        self.content("http.response.body", Some(body.len() as u64), false)?;
        if self.bodiless {
            *body = Bytes::new();
        }
        Ok(Step::Accepted)
    }

    /// The application sends a block of the body.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    #[inline]
    pub fn block(&mut self, data: &mut Bytes, more_body: bool) -> Result<Step, SendError> {
        if self.state == HttpState::Done {
            return Ok(Step::Ignored);
        }
        if let Some(reason) = self.gone {
            return Err(reason.into());
        }
        self.content("http.response.body", Some(data.len() as u64), more_body)?;
        if self.bodiless {
            *data = Bytes::new();
        }
        Ok(Step::Accepted)
    }

    /// What to do now that the application's call is over; `head_out` tells whether the head of the
    /// response is on its way and cannot be replaced. Observers take an answer of the
    /// server's own for the outcome.
    #[must_use]
    pub fn end(&mut self, result: &Result<(), Error>, head_out: bool) -> Ending {
        let status =
            result.as_ref().err().and_then(Error::status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if self.state == HttpState::Done {
            return Ending { action: Action::Nothing, fault: result.is_err() };
        }
        if self.gone.is_some() {
            let fault = result.as_ref().is_err_and(|error| !error.is_disconnected());
            return Ending { action: Action::Abort, fault };
        }
        let early = matches!(self.state, HttpState::Idle | HttpState::Started);
        if !early || head_out {
            return Ending { action: Action::Abort, fault: true };
        }
        self.observers.started(status);
        Ending { action: Action::Answer(status), fault: true }
    }

    fn need(&self, name: &'static str, capability: Capability) -> Result<(), SendError> {
        if self.capabilities.contains(capability) {
            return Ok(());
        }
        Err(refuse(name, "the server does not support this extension"))
    }

    fn start(&mut self, start: &mut ResponseStart) -> Result<(), SendError> {
        const NAME: &str = "http.response.start";
        if self.state != HttpState::Idle {
            return Err(refuse(NAME, "the response is started already"));
        }
        let declared = check_start(start)?;
        if declared.connection_fields {
            remove_connection_fields(&mut start.headers);
        }
        if start.status == StatusCode::NO_CONTENT && declared.length.is_some() {
            start.headers.remove(header::CONTENT_LENGTH);
        }
        self.bodiless =
            self.is_head || matches!(start.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        self.declared = if self.bodiless { None } else { declared.length };
        self.trailers = start.trailers && self.capabilities.contains(Capability::Trailers);
        self.state = HttpState::Started;
        self.observers.started(start.status);
        Ok(())
    }

    #[inline]
    fn content(&mut self, name: &'static str, len: Option<u64>, more: bool) -> Result<(), SendError> {
        if !matches!(self.state, HttpState::Started | HttpState::Streaming) {
            return Err(refuse(name, "content follows the start and ends with the last block"));
        }
        let counted = self.counted && len.is_some();
        let len = if self.bodiless { 0 } else { len.unwrap_or(0) };
        let sent = self.sent.saturating_add(len);
        if let Some(declared) = self.declared {
            check_length(name, declared, sent, more || !counted)?;
        }
        self.sent = sent;
        self.counted = counted;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if more {
            self.state = HttpState::Streaming;
            self.observers.block(len, false);
        } else {
            self.observers.block(len, true);
            self.end_content();
        }
        Ok(())
    }

    fn end_content(&mut self) {
        if self.trailers {
            self.state = HttpState::Trailers;
        } else {
            self.complete();
        }
    }

    fn complete(&mut self) {
        self.state = HttpState::Done;
        self.observers.completed();
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
