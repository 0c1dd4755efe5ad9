//! When the head leaves, and how much body may follow it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};

use super::head_check;
use crate::asgi::Disconnect;
use crate::error::Error;
use crate::outcome::{Observe, Observers, Outcome};
use crate::request::RequestHead;

/// The state of one response: what every synchronous server, bridge and validator shares.
///
/// It does no I/O. Each step takes what the application gave and says what is to be sent now.
/// [`Responder`](super::Responder) and [`run`](super::run()) put it over a blocking
/// [`Transport`](super::Transport); a server that pulls blocks calls [`admit`](Self::admit) itself.
///
/// # Contract
///
/// - The head is stored and leaves with the first non-empty block, the first
///   [`write`](Self::write), or at the [`end`](Self::end) (W-104, W-105).
/// - No more octets leave than the head declares (W-119, W-122), none for HEAD, 204 and 304 (W-129).
/// - It holds the [`Observers`] of the response and tells them.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::wsgi::{Environ, HeadState};
///
/// let environ = Environ::from_request(Request::get("/").body("").unwrap());
/// let mut state = HeadState::new(environ.head());
/// state.start(StatusCode::OK, HeaderMap::new())?;
/// assert!(state.admit("".into())?.head.is_none());
/// let admitted = state.admit("block".into())?;
/// assert_eq!(admitted.head.unwrap().status, StatusCode::OK);
/// assert_eq!(admitted.data, "block");
/// assert!(state.end()?.is_none());
/// # Ok::<(), gateway_iface::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct HeadState {
    phase: Phase,
    head: Option<(StatusCode, HeaderMap)>,
    head_only: bool,
    bodiless: bool,
    declared: Option<u64>,
    sent: u64,
    observers: Observers,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Phase {
    #[default]
    Idle,
    /// Started in vain: only `restart` helps (W-102).
    Refused,
    Stored,
    Sent,
    Ended,
}

/// The head of a response, to be sent now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Head {
    /// The status.
    pub status: StatusCode,
    /// The header fields, as the application gave them.
    pub headers: HeaderMap,
    /// The length of the body in octets where it is known, declared or not; in answer to HEAD that
    /// of the body left out. `None` also where the status allows no body.
    pub length: Option<u64>,
}

/// What is to be sent now.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Admitted {
    /// The head, if this is when it leaves.
    pub head: Option<Head>,
    /// The octets after it; send nothing when empty (W-19).
    pub data: Bytes,
    /// Whether nothing more may follow: take no further block (W-122, W-129).
    pub complete: bool,
}

impl HeadState {
    /// For the answer to this request.
    #[must_use]
    pub fn new(request: &RequestHead) -> Self {
        Self { head_only: request.method() == Method::HEAD, ..Self::default() }
    }

    /// Begins the answer to the next request; observers of the last one that were not told are told now.
    pub fn reset(&mut self, request: &RequestHead) {
        self.observers.finish(None);
        self.phase = Phase::Idle;
        self.head_only = request.method() == Method::HEAD;
        self.bodiless = false;
        self.head = None;
        self.declared = None;
        self.sent = 0;
    }

    /// Stores the head: [`StartResponse::start`](super::StartResponse::start).
    ///
    /// # Errors
    ///
    /// [`InvalidCall`] when a call came before, even in vain (W-102, W-106, W-113);
    /// [`InvalidHead`](super::InvalidHead) (W-93, W-98, W-100, W-124).
    pub fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        match self.phase {
            Phase::Idle => self.store(status, headers),
            _ => Err(InvalidCall(Call::StartTwice).into()),
        }
    }

    /// Stores the head in place of an earlier one:
    /// [`StartResponse::restart`](super::StartResponse::restart).
    ///
    /// # Errors
    ///
    /// `cause` when the head is out (W-109); [`InvalidHead`](super::InvalidHead) as for
    /// [`start`](Self::start), after which no head is stored.
    pub fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        match self.phase {
            Phase::Sent | Phase::Ended => Err(cause),
            _ => self.store(status, headers),
        }
    }

    fn store(&mut self, status: StatusCode, mut headers: HeaderMap) -> Result<(), Error> {
        self.phase = Phase::Refused;
        self.head = None;
        self.declared = None;
        self.declared = head_check::check(status, &headers)?;
        self.bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if status == StatusCode::NO_CONTENT {
            headers.remove(header::CONTENT_LENGTH);
        }
        self.head = Some((status, headers));
        self.phase = Phase::Stored;
        self.observers.started(status);
        Ok(())
    }

    /// Takes a block of the body.
    ///
    /// # Errors
    ///
    /// [`InvalidCall`] when no head is stored (W-07) or after the end.
    pub fn admit(&mut self, block: Bytes) -> Result<Admitted, Error> {
        self.take(block, false)
    }

    /// Takes the last block of the body; [`end`](Self::end) still has to follow.
    ///
    /// When the head leaves with it, that has the exact length (W-126).
    ///
    /// # Errors
    ///
    /// As for [`admit`](Self::admit), and [`InvalidCall`] when this is less than declared and the head
    /// is not out yet (W-123).
    pub fn admit_last(&mut self, block: Bytes) -> Result<Admitted, Error> {
        self.take(block, true)
    }

    fn take(&mut self, mut block: Bytes, last: bool) -> Result<Admitted, Error> {
        self.expect_started(Call::BlockBeforeStart)?;
        if block.is_empty() {
            return Ok(Admitted { complete: self.is_complete(), ..Admitted::default() });
        }
        let len = block.len() as u64;
        let known = if last && self.phase == Phase::Stored { Some(len) } else { None };
        if let (Some(len), Some(declared), false) = (known, self.declared, self.is_silent())
            && len < declared
        {
            return Err(InvalidCall(Call::Short { declared, sent: len }).into());
        }
        let head = self.release(known);
        if self.is_silent() {
            block = Bytes::new();
        } else if let Some(left) = self.left() {
            block.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
        Ok(self.accept(head, block, last))
    }

    /// Takes the whole body of a response of which nothing was sent: [`admit_last`](Self::admit_last)
    /// and [`end`](Self::end) in one. What is to be sent is in the arguments afterwards; the length is
    /// that of [`Head`].
    ///
    /// # Errors
    ///
    /// As for both; nothing is to be sent then.
    pub(crate) fn admit_whole(
        &mut self,
        status: &mut StatusCode,
        headers: &mut HeaderMap,
        block: &mut Bytes,
    ) -> Result<Option<u64>, Error> {
        let empty = block.is_empty();
        self.expect_started(if empty { Call::NeverStarted } else { Call::BlockBeforeStart })?;
        let len = block.len() as u64;
        if self.is_silent() {
            *block = Bytes::new();
        } else if let Some(declared) = self.declared {
            if len < declared {
                return Err(InvalidCall(Call::Short { declared, sent: len }).into());
            }
            block.truncate(usize::try_from(declared).unwrap_or(usize::MAX));
        }
        if let Some(head) = &mut self.head {
            *status = head.0;
            std::mem::swap(headers, &mut head.1);
        }
        self.head = None;
        self.phase = Phase::Ended;
        self.sent += block.len() as u64;
        self.observers.block(block.len(), true);
        self.observers.completed();
        let known = if empty && self.head_only { None } else { Some(len) };
        Ok(if self.bodiless { None } else { self.declared.or(known) })
    }

    /// Takes a block ahead of the body: [`StartResponse::write`](super::StartResponse::write).
    ///
    /// # Errors
    ///
    /// [`InvalidCall`], and nothing of the block is sent, when no head is stored (W-115), after the
    /// end, or when the block would exceed the declared length (W-119).
    pub fn write(&mut self, block: Bytes) -> Result<Admitted, Error> {
        self.expect_started(Call::WriteBeforeStart)?;
        if self.is_silent() {
            let head = self.release(None);
            return Ok(self.accept(head, Bytes::new(), false));
        }
        if self.left().is_some_and(|left| left < block.len() as u64) {
            return Err(InvalidCall(Call::Surplus).into());
        }
        let head = self.release(None);
        Ok(self.accept(head, block, false))
    }

    fn accept(&mut self, head: Option<Head>, data: Bytes, last: bool) -> Admitted {
        self.sent += data.len() as u64;
        let complete = self.is_complete();
        let short = self.left().is_some_and(|left| left > 0);
        self.observers.block(data.len(), complete || (last && !short));
        Admitted { head, data, complete }
    }

    /// Ends the response; the head, when it is not out yet, is to be sent now without body (W-105, W-127).
    ///
    /// # Errors
    ///
    /// [`InvalidCall`] when no head is stored (W-09), or the body is shorter than declared (W-123):
    /// answer with an error, or break the connection off if [`is_head_sent`](Self::is_head_sent).
    pub fn end(&mut self) -> Result<Option<Head>, Error> {
        if self.phase == Phase::Ended {
            return Ok(None);
        }
        self.expect_started(Call::NeverStarted)?;
        if let (Some(declared), false) = (self.declared, self.is_silent())
            && self.sent < declared
        {
            return Err(InvalidCall(Call::Short { declared, sent: self.sent }).into());
        }
        let known = if self.head_only { None } else { Some(0) };
        let head = self.release(known);
        self.phase = Phase::Ended;
        self.observers.completed();
        Ok(head)
    }

    /// Whether the head was handed out.
    #[must_use]
    pub fn is_head_sent(&self) -> bool {
        self.head.is_none() && matches!(self.phase, Phase::Sent | Phase::Ended)
    }

    /// Whether a head is stored or handed out.
    #[must_use]
    pub fn is_started(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Refused)
    }

    /// Whether every octet was handed out: of the declared length, or of a head that has no body.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match self.phase {
            Phase::Idle | Phase::Refused => false,
            Phase::Stored => !self.is_silent() && self.left() == Some(0),
            Phase::Sent => self.is_silent() || self.left() == Some(0),
            Phase::Ended => true,
        }
    }

    /// Whether the request was HEAD.
    #[must_use]
    pub const fn is_head_request(&self) -> bool {
        self.head_only
    }

    /// Adds an observer: [`StartResponse::observe`](super::StartResponse::observe).
    pub fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.observers.add(observer);
    }

    /// What became of the response so far.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        self.observers.outcome()
    }

    /// The server answers with this status in the application's place; the observers take it for the
    /// outcome.
    pub fn answer(&mut self, status: StatusCode) {
        (self.phase, self.head) = (Phase::Ended, None);
        self.observers.started(status);
    }

    /// The exchange is over: tells the observers, and takes no further call.
    pub fn finish(&mut self, disconnect: Option<Disconnect>) {
        (self.phase, self.head) = (Phase::Ended, None);
        self.observers.finish(disconnect);
    }

    fn expect_started(&self, otherwise: Call) -> Result<(), Error> {
        match self.phase {
            Phase::Stored | Phase::Sent => Ok(()),
            Phase::Idle | Phase::Refused => Err(InvalidCall(otherwise).into()),
            Phase::Ended => Err(InvalidCall(Call::AfterEnd).into()),
        }
    }

    /// Hands the stored head out, once.
    fn release(&mut self, known: Option<u64>) -> Option<Head> {
        let (status, headers) = self.head.take()?;
        self.phase = Phase::Sent;
        let length = if self.bodiless { None } else { self.declared.or(known) };
        Some(Head { status, headers, length })
    }

    const fn is_silent(&self) -> bool {
        self.head_only || self.bodiless
    }

    fn left(&self) -> Option<u64> {
        self.declared.map(|declared| declared.saturating_sub(self.sent))
    }
}

/// The application called at the wrong time, or sent another length than it declared.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct InvalidCall(Call);

#[derive(Clone, Debug, thiserror::Error)]
enum Call {
    #[error("the response was started before")]
    StartTwice,
    #[error("a block came before the response was started")]
    BlockBeforeStart,
    #[error("`write` came before the response was started")]
    WriteBeforeStart,
    #[error("the response was never started")]
    NeverStarted,
    #[error("the response is over")]
    AfterEnd,
    #[error("`write` would exceed the declared `content-length`")]
    Surplus,
    #[error("the body ended after {sent} of {declared} declared octets")]
    Short { declared: u64, sent: u64 },
}

impl InvalidCall {
    /// The id of the rule that is broken.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self.0 {
            Call::StartTwice => "W-106",
            Call::BlockBeforeStart => "W-07",
            Call::WriteBeforeStart => "W-115",
            Call::NeverStarted => "W-09",
            Call::AfterEnd => "W-113",
            Call::Surplus => "W-119",
            Call::Short { .. } => "W-123",
        }
    }
}

#[cfg(test)]
#[path = "head_state_tests.rs"]
mod tests;
