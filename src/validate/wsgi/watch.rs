//! What is known of one call.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};

use crate::asgi::Disconnect;
use crate::bridge::WriteLimitError;
use crate::error::Error;
use crate::request::parse_length;
use crate::validate::Violation;
use crate::validate::pair::Pair;
use crate::validate::response_rules::{self, Response};
use crate::validate::session::{Findings, Role, Session, Settings, exchange_name};
use crate::validate::witness::Watched;
use crate::wsgi::{Body, Environ, HeadState, InvalidCall, InvalidHead};

/// One call under a validator's eyes.
pub(super) struct Watch {
    pub(super) session: Session,
    state: Mutex<State>,
}

struct State {
    head: HeadState,
    method: Method,
    response: Response,
    /// The length that the body must have, where it must.
    declared: Option<u64>,
    sent: u64,
    blocks: usize,
    announced_blocks: Option<usize>,
    surplus: bool,
    /// `restart` handed its cause back.
    restart_failed: bool,
    /// Server and rules disagree: from now on nothing is known of the server's state.
    unsure: bool,
}

impl Watch {
    pub(super) fn begin(settings: &Arc<Settings>, environ: &mut Environ) -> Self {
        let exchange = exchange_name("http", Some(environ.head()));
        let pair = match settings.role {
            Role::Single => Pair::single(),
            Role::Outer => Pair::open(Some(environ.head_mut()), &settings.lifespans),
            Role::Inner => Pair::join(Some(environ.head()), &settings.lifespans),
        };
        pair.with(|facts, role| match role {
            Role::Outer => facts.in_call = true,
            Role::Inner => facts.may_write = true,
            Role::Single => {}
        });
        let state = State {
            head: HeadState::new(environ.head()),
            method: environ.method().clone(),
            response: Response::default(),
            declared: None,
            sent: 0,
            blocks: 0,
            announced_blocks: None,
            surplus: false,
            restart_failed: false,
            unsure: false,
        };
        Self { session: Session::new(settings, exchange, pair), state: Mutex::new(state) }
    }

    /// What is wrong about a head before it is started with, where the start is to fail.
    pub(super) fn refuses(&self, status: StatusCode, headers: &HeaderMap) -> Option<Violation> {
        if !self.session.fails() {
            return None;
        }
        let mut found = Findings::default();
        response_rules::check_head(status, headers, &mut found);
        self.session.tell(found)
    }

    /// The server's answer to `start`.
    pub(super) fn started(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        result: &Result<(), Error>,
    ) -> Option<Violation> {
        let mut found = Findings::default();
        let mut state = self.lock();
        if state.unsure {
            return None;
        }
        match (state.head.start(status, headers.clone()), result) {
            (Ok(()), Ok(())) => self.begun(&mut state, status, headers, &mut found),
            (Ok(()), Err(error)) => state.refused("W-91", "a start", error, &mut found),
            (Err(error), result) => state.wrong(&error, "a start", result.is_ok(), &mut found),
        }
        drop(state);
        self.session.tell(found)
    }

    /// The server's answer to `restart`.
    pub(super) fn restarted(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        result: &Result<(), Error>,
    ) -> Option<Violation> {
        let mut found = Findings::default();
        let mut state = self.lock();
        if state.unsure {
            return None;
        }
        let out = state.head.is_head_sent();
        match (state.head.restart(status, headers.clone(), Error::new("replaced")), result) {
            (Ok(()), Ok(())) => self.begun(&mut state, status, headers, &mut found),
            (Ok(()), Err(error)) => state.refused("W-107", "a restart", error, &mut found),
            (Err(_), Ok(())) if out => {
                found.outer("W-109", "accepted another head after the first was sent");
                state.unsure = true;
            }
            (Err(_), Err(_)) if out => state.restart_failed = true,
            (Err(error), result) => state.wrong(&error, "a restart", result.is_ok(), &mut found),
        }
        drop(state);
        self.session.tell(found)
    }

    /// The application is about to `write`.
    pub(super) fn writing(&self) {
        self.session.pair.with(|facts, role| facts.has_written |= role == Role::Inner);
    }

    /// The server's answer to `write`.
    pub(super) fn written(&self, data: &[u8], result: &io::Result<()>) -> Option<Violation> {
        let mut found = Findings::default();
        let mut state = self.lock();
        if state.unsure {
            return None;
        }
        match (state.head.write(Bytes::copy_from_slice(data)), result) {
            (Ok(_), Ok(())) => {
                state.sent += data.len() as u64;
                state.response.content(data.len() as u64, &mut found);
                self.session.pair.with(|facts, role| {
                    let own = facts.may_write && !facts.has_written;
                    if role == Role::Outer && own && !data.is_empty() {
                        facts.has_written = true;
                        found.inner("W-121", "data was written that the application inside did not write");
                    }
                });
            }
            (Ok(_), Err(error)) => {
                if !is_known(error) {
                    found.outer(
                        "W-120",
                        format!("a write failed, and not as one whose client is gone: {error}"),
                    );
                }
                state.unsure = true;
            }
            (Err(error), result) => state.wrong(&error, "a write", result.is_ok(), &mut found),
        }
        drop(state);
        self.session.tell(found)
    }

    /// The application's call returned.
    pub(super) fn returned(&self, result: &Result<Body, Error>) -> Option<Violation> {
        let mut found = Findings::default();
        let mut state = self.lock();
        if result.is_ok() && !state.unsure {
            if state.restart_failed {
                found.inner("W-110", "the error that `restart` handed back was swallowed");
            }
            if !state.head.is_started() {
                found.inner("W-07", "the call returned a body without a started response");
                state.unsure = true;
            }
        }
        drop(state);
        self.session.pair.with(|facts, role| {
            if role == Role::Outer {
                facts.in_call = false;
            }
        });
        self.session.tell(found)
    }

    /// The body is known: it is whole, and of this length.
    pub(super) fn whole(&self, len: usize) -> Option<Violation> {
        let mut found = Findings::default();
        let mut state = self.lock();
        state.take(len, &mut found);
        state.end(&mut found);
        drop(state);
        self.session.pair.with(|facts, role| {
            if role == Role::Outer {
                facts.outer_blocks += u64::from(len > 0);
                facts.compare_blocks(true);
            }
        });
        let violation = self.session.tell(found);
        violation.or_else(|| self.finished())
    }

    /// The body is to be watched; it says that it has no more than so many blocks.
    pub(super) fn opened(&self, blocks: Option<usize>) {
        self.lock().announced_blocks = blocks;
        self.session.pair.with(|facts, role| {
            if role == Role::Inner {
                facts.open_bodies += 1;
            }
        });
    }

    /// The body gave a block.
    pub(super) fn block(&self, len: usize) -> Option<Violation> {
        let mut found = Findings::default();
        let mut state = self.lock();
        state.blocks += 1;
        if let Some(announced) = state.announced_blocks
            && state.blocks > announced
        {
            found.inner("W-10", format!("more blocks than the {announced} that the body announced"));
            state.announced_blocks = None;
        }
        state.take(len, &mut found);
        drop(state);
        self.session.pair.with(|facts, role| {
            if role == Role::Outer {
                facts.outer_blocks += 1;
                facts.compare_blocks(false);
            } else {
                facts.inner_blocks += 1;
                if facts.in_call && !std::mem::replace(&mut facts.drained, true) {
                    found.outer("W-133", "a block of the inner body was taken before the call returned");
                }
            }
        });
        self.session.tell(found)
    }

    /// The body has ended.
    pub(super) fn ended(&self) -> Option<Violation> {
        let mut found = Findings::default();
        self.lock().end(&mut found);
        self.session.pair.with(|facts, role| {
            if role == Role::Outer {
                facts.compare_blocks(true);
            }
        });
        self.session.tell(found)
    }

    /// The body was closed, or dropped.
    pub(super) fn closed(&self) {
        self.session.pair.with(|facts, role| match role {
            Role::Inner => facts.open_bodies = facts.open_bodies.saturating_sub(1),
            Role::Outer => facts.left_open |= facts.open_bodies > 0,
            Role::Single => {}
        });
        self.session.note(self.session.pair_findings());
    }

    /// The application's call panicked.
    pub(super) fn unwound(&self) {
        self.session.pair.with(|facts, role| {
            if role == Role::Outer {
                facts.in_call = false;
            }
        });
        self.session.unwound();
    }

    /// Nothing of the response follows.
    pub(super) fn finished(&self) -> Option<Violation> {
        self.session.tell(self.session.pair_findings())
    }

    fn begun(&self, state: &mut State, status: StatusCode, headers: &HeaderMap, found: &mut Findings) {
        response_rules::check_head(status, headers, found);
        state.response = Response::new(&state.method, status, headers);
        let silent = state.method == Method::HEAD || matches!(status.as_u16(), 204 | 304);
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| parse_length(value.as_bytes()));
        state.declared = length.filter(|_| !silent);
        self.session.pair.with(|facts, role| facts.head(role, status.as_u16()));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched for Watch {
    fn session(&self) -> &Session {
        &self.session
    }

    fn outcome(&self, _: Option<Disconnect>) {}
}

/// Whether a write may fail with it: the client is gone (W-120), or a limit that is documented is reached.
fn is_known(error: &io::Error) -> bool {
    Error::new(io::Error::from(error.kind())).is_disconnected()
        || error.get_ref().is_some_and(|inner| inner.is::<Disconnect>() || inner.is::<WriteLimitError>())
}

impl State {
    /// The application's call broke a rule, which the server may have noticed.
    fn wrong(&mut self, error: &Error, what: &str, accepted: bool, found: &mut Findings) {
        let head = error.find().map(InvalidHead::rule);
        let call = error.find().map(InvalidCall::rule);
        let call = call.filter(|rule| ["W-106", "W-115", "W-119"].contains(rule));
        let rule = head.or(call).unwrap_or("W-91");
        found.inner(rule, format!("{what}: {error}"));
        if accepted {
            let rule = match rule {
                "W-98" => "W-101",
                "W-99" => "W-100",
                rule => rule,
            };
            found.outer(rule, format!("accepted {what}: {error}"));
            self.unsure = true;
        }
    }

    /// The server refused what breaks no rule.
    fn refused(&mut self, rule: &'static str, what: &str, error: &Error, found: &mut Findings) {
        if !error.is_disconnected() {
            found.outer(rule, format!("{what} that breaks no rule is refused: {error}"));
        }
        self.unsure = true;
    }

    fn take(&mut self, len: usize, found: &mut Findings) {
        if self.unsure {
            return;
        }
        self.response.content(len as u64, found);
        self.sent = self.sent.saturating_add(len as u64);
        if let Some(declared) = self.declared.filter(|&declared| self.sent > declared)
            && !std::mem::replace(&mut self.surplus, true)
        {
            found
                .inner("H-85", format!("{} octets or more, and a `content-length` of {declared}", self.sent));
        }
    }

    fn end(&mut self, found: &mut Findings) {
        let short = self.declared.filter(|&declared| self.sent < declared && !self.unsure);
        if let Some(declared) = short {
            found.inner("H-85", format!("{} octets, and a `content-length` of {declared}", self.sent));
        }
    }
}
