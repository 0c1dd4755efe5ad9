//! What is known of one exchange, whatever its protocol.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::http::Http;
use super::lifespan::Lifespan;
use super::websocket::WebSocket;
use crate::asgi::event::{ReceiveEvent, SendEvent};
use crate::asgi::{Disconnect, Scope, SendError};
use crate::error::Error;
use crate::validate::Violation;
use crate::validate::pair::Pair;
use crate::validate::request_rules;
use crate::validate::session::{Findings, Role, Session, Settings, exchange_name};
use crate::validate::witness::Watched;

/// One exchange under a validator's eyes.
pub(super) struct Watch {
    pub(super) session: Session,
    state: Mutex<State>,
}

/// What a protocol knows of the order of its events.
pub(super) trait Protocol: Send {
    /// What is wrong about the event alone, whatever the server makes of it.
    fn lint(&self, event: &SendEvent, found: &mut Findings);

    /// The server's answer to an event; whether it was accepted, as far as that is sure.
    fn sent(
        &mut self,
        event: &SendEvent,
        result: &Result<(), SendError>,
        before: Before,
        found: &mut Findings,
    ) -> Sent;

    /// The server handed in an event.
    fn received(&mut self, event: &ReceiveEvent, before: Before, found: &mut Findings);

    /// The server told that the exchange is over, other than by an event; whether no other event may
    /// come before it is told by one.
    fn lost(&mut self, reason: Disconnect, before: Before, found: &mut Findings) -> bool;

    /// Whether the exchange is over: complete, closed or lost.
    fn is_over(&self) -> bool;

    /// Whether nothing but a disconnect is to come, at once.
    fn is_disconnect_due(&self) -> bool;

    /// The application's call ended.
    fn ended(&mut self, result: &Result<(), Error>, found: &mut Findings);

    /// Whether the server may drop the call now.
    fn may_be_dropped(&self) -> bool {
        false
    }
}

/// What was known before the server was asked: the other half may have gone on since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// Whether a disconnect was due.
    pub(super) due: bool,
    /// Whether the exchange was over.
    pub(super) over: bool,
    /// Whether an event was, or is, on its way to the server.
    pub(super) sending: bool,
}

/// An event on its way to the server.
pub(super) struct Sending<'a> {
    watch: &'a Watch,
    pub(super) before: Before,
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.watch.lock().sending -= 1;
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sent {
    Accepted,
    Not,
    /// Server and table disagree: from now on nothing is known of the server's state.
    Unsure,
}

struct State {
    protocol: Box<dyn Protocol>,
    unsure: bool,
    over: bool,
    sent_any: bool,
    sending: usize,
    waited: bool,
    /// Told by an event or by the wait for it.
    told: Option<Disconnect>,
    /// Told of the end that the server's policy makes.
    stopped: bool,
    /// Whether a witness is to tell why the exchange ended.
    witnessed: bool,
    /// Dropped before its end, and not told why yet.
    dropped: bool,
}

impl Watch {
    pub(super) fn begin(settings: &Arc<Settings>, scope: &mut Scope) -> Self {
        let exchange = exchange_name(scope.protocol(), scope.head());
        let http = matches!(scope, Scope::Http(_));
        let pair = match settings.role {
            Role::Single => Pair::single(),
            Role::Outer => Pair::open(scope.head_mut(), &settings.lifespans),
            Role::Inner => Pair::join(scope.head(), &settings.lifespans),
        };
        let seen = scope.head().map(|head| {
            format!("{} {} {:?} {:?}", head.uri(), head.root_path(), head.headers(), head.capabilities())
        });
        pair.with(|facts, role| {
            facts.untouched |= settings.http_only && !http;
            facts.trace(role, seen.as_deref().unwrap_or("lifespan"));
        });
        let protocol: Box<dyn Protocol> = match scope {
            Scope::Http(scope) => Box::new(Http::new(scope.head())),
            Scope::WebSocket(scope) => Box::new(WebSocket::new(scope)),
            Scope::Lifespan(_) => Box::new(Lifespan::default()),
        };
        let state = State {
            protocol,
            unsure: false,
            over: false,
            sent_any: false,
            sending: 0,
            waited: false,
            told: None,
            stopped: false,
            witnessed: !matches!(scope, Scope::Lifespan(_)),
            dropped: false,
        };
        Self { session: Session::new(settings, exchange, pair), state: Mutex::new(state) }
    }

    /// Checks what the server tells of the request.
    pub(super) fn check_scope(&self, scope: &Scope) -> Option<Violation> {
        let mut found = Findings::default();
        if let Some(head) = scope.head() {
            request_rules::check_head(head, &mut found);
            if !request_rules::is_upper_case(head.method()) {
                found.outer("A-19", format!("the method `{}` is not in upper case", head.method()));
            }
            if self.session.pair.role() == Role::Inner && !self.session.pair.is_linked() {
                found.outer("A-143", "the typed values of the request were not passed on");
            }
        }
        self.session.tell(found)
    }

    /// What is wrong about an event before it is sent, where sending it is to fail.
    pub(super) fn refuses(&self, event: &SendEvent) -> Option<Violation> {
        if !self.session.fails() {
            return None;
        }
        let mut found = Findings::default();
        self.lock().protocol.lint(event, &mut found);
        self.session.tell(found)
    }

    /// The server is about to be asked for an event.
    pub(super) fn before(&self) -> Before {
        self.lock().before()
    }

    /// The server is about to be asked to take an event.
    pub(super) fn sending(&self) -> Sending<'_> {
        let mut state = self.lock();
        let before = state.before();
        state.sending += 1;
        Sending { watch: self, before }
    }

    /// The server's answer to an event.
    pub(super) fn sent(
        &self,
        event: &SendEvent,
        result: &Result<(), SendError>,
        before: Before,
    ) -> Option<Violation> {
        let mut found = Findings::default();
        self.lock().sent(event, result, before, &mut found, &self.session);
        self.session.tell(found)
    }

    /// The server's answer to a whole response: a refusal may be that of its second event only.
    pub(super) fn responded(
        &self,
        start: &SendEvent,
        body: &SendEvent,
        result: &Result<(), SendError>,
        before: Before,
    ) -> Option<Violation> {
        let mut found = Findings::default();
        let mut state = self.lock();
        if let Err(SendError::Invalid(_)) = result {
            let mut attempt = Findings::default();
            if state.sent(start, &Ok(()), before, &mut attempt, &self.session) == Sent::Accepted {
                found = attempt;
                state.sent(body, result, before, &mut found, &self.session);
            } else {
                state.unsure = false;
                state.sent(start, result, before, &mut found, &self.session);
            }
        } else {
            state.sent(start, result, before, &mut found, &self.session);
            state.sent(body, result, before, &mut found, &self.session);
        }
        drop(state);
        self.session.tell(found)
    }

    /// A slot was left full, or emptied, against the contract.
    pub(super) fn slot(&self, pending: bool) -> Option<Violation> {
        let mut found = Findings::default();
        let seen = if pending {
            "an event was taken out of its slot by a poll that waits"
        } else {
            "an event was left in its slot by a poll that is ready"
        };
        found.outer("V-01", seen);
        self.session.tell(found)
    }

    /// The server handed in an event.
    pub(super) fn received(&self, event: &ReceiveEvent, mut before: Before) {
        let mut found = Findings::default();
        let mut state = self.lock();
        self.session.pair.with(|facts, role| facts.trace(role, &format!("{event:?}")));
        before.sending |= state.sending > 0;
        if let Some(reason) = event.disconnect() {
            state.told(reason, &mut found);
        } else if let Some(reason) = state.told.filter(|&reason| reason != Disconnect::Shutdown) {
            found.outer("A-99", format!("{} after the disconnect was told: {reason}", event.name()));
        }
        if !state.unsure {
            state.protocol.received(event, before, &mut found);
        }
        drop(state);
        self.session.tell_later(found);
    }

    /// The server told that the exchange is over, to whoever waited for it.
    pub(super) fn disconnected(&self, reason: Disconnect, mut before: Before) {
        let mut found = Findings::default();
        let mut state = self.lock();
        before.sending |= state.sending > 0;
        state.stopped |= is_policy(reason);
        if !state.unsure && state.protocol.lost(reason, before, &mut found) {
            state.told(reason, &mut found);
        }
        drop(state);
        self.session.tell_later(found);
    }

    /// The server told it as an error.
    pub(super) fn lost(&self, reason: Disconnect) {
        self.lock().stopped |= is_policy(reason);
    }

    /// The server lets the application wait though a disconnect is due; told once.
    pub(super) fn waited(&self) {
        let mut found = Findings::default();
        if !std::mem::replace(&mut self.lock().waited, true) {
            found.outer("A-99", "`receive` waits after the end of the exchange");
        }
        self.session.tell_later(found);
    }

    /// The application's call ended.
    pub(super) fn ended(&self, result: &Result<(), Error>) -> Option<Violation> {
        let mut found = Findings::default();
        let mut state = self.lock();
        state.over = true;
        if result.as_ref().is_err_and(Error::is_unsupported_scope) && state.sent_any {
            found.inner("A-05", "the scope is said not to be supported, after an event was sent");
        }
        if !state.unsure && !state.stopped && state.told.is_none_or(|reason| reason == Disconnect::Complete) {
            state.protocol.ended(result, &mut found);
        }
        drop(state);
        let violation = self.session.tell(found);
        violation.or_else(|| self.session.tell(self.session.pair_findings()))
    }

    /// The server dropped the application's future.
    pub(super) fn dropped(&self, told: Option<Disconnect>) {
        let mut found = Findings::default();
        let mut state = self.lock();
        state.over = true;
        let told_policy = state.stopped || told.is_some_and(is_policy);
        let gone = state.told.or(told).is_some_and(|reason| reason != Disconnect::Complete);
        let allowed = state.protocol.may_be_dropped() || (self.session.settings().cancels && gone);
        if !told_policy && !allowed {
            state.dropped = true;
            state.judge_drop(&mut found);
        }
        drop(state);
        self.session.note(found);
        self.session.note(self.session.pair_findings());
    }

    /// Nothing that follows counts.
    pub(super) fn over(&self) {
        self.lock().over = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched for Watch {
    fn session(&self) -> &Session {
        &self.session
    }

    fn outcome(&self, disconnect: Option<Disconnect>) {
        let mut found = Findings::default();
        let mut state = self.lock();
        state.witnessed = false;
        let policy = disconnect.is_some_and(is_policy);
        let cancelled = disconnect.is_some() && self.session.settings().cancels;
        state.stopped |= policy;
        state.dropped &= !policy && !cancelled;
        state.judge_drop(&mut found);
        drop(state);
        self.session.note(found);
    }
}

impl State {
    fn before(&self) -> Before {
        let told = self.told.is_some_and(|reason| reason != Disconnect::Shutdown);
        Before {
            due: told || (!self.unsure && self.protocol.is_disconnect_due()),
            over: self.protocol.is_over(),
            sending: self.sending > 0,
        }
    }

    fn sent(
        &mut self,
        event: &SendEvent,
        result: &Result<(), SendError>,
        before: Before,
        found: &mut Findings,
        session: &Session,
    ) -> Sent {
        if result.is_ok() {
            self.sent_any = true;
            session.pair.with(|facts, role| facts.trace(role, &format!("{event:?}")));
        }
        if let Err(SendError::Disconnected(reason)) = result {
            self.stopped |= is_policy(*reason);
        }
        // What a call that is over left behind sends into the void.
        if self.unsure || self.over {
            return Sent::Not;
        }
        let sent = self.protocol.sent(event, result, before, found);
        self.unsure |= sent == Sent::Unsure;
        sent
    }

    /// A call was dropped: a fault, once no one is left to tell a good reason.
    fn judge_drop(&mut self, found: &mut Findings) {
        if !self.witnessed && std::mem::replace(&mut self.dropped, false) {
            found.outer("A-06", "the application's call was dropped before its end");
        }
    }

    /// The first reason stays, except that a shutdown leaves time for another.
    fn told(&mut self, reason: Disconnect, found: &mut Findings) {
        self.stopped |= is_policy(reason);
        match self.told {
            Some(first) if first != reason && first != Disconnect::Shutdown => {
                found.outer("A-99", format!("told `{first}` and then `{reason}`"));
            }
            _ => self.told = Some(reason),
        }
    }
}

/// Whether the server's operator made that end.
const fn is_policy(reason: Disconnect) -> bool {
    matches!(reason, Disconnect::Shutdown | Disconnect::Timeout)
}
