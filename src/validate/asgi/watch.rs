//! What is known of one exchange, whatever its protocol.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::http::Http;
use super::lifespan::Lifespan;
use super::protocol::{Before, Protocol, Sent};
use super::state::{State, is_policy};
use super::websocket::WebSocket;
use crate::asgi::event::{ReceiveEvent, SendEvent};
use crate::asgi::{Disconnect, Scope, SendError};
use crate::error::Error;
use crate::validate::Violation;
use crate::validate::pair::{Pair, Way};
use crate::validate::request_rules;
use crate::validate::session::{Findings, Role, Session, Settings, exchange_name};
use crate::validate::witness::Watched;

/// One exchange under a validator's eyes.
pub(super) struct Watch {
    pub(super) session: Session,
    /// Whether both sides of a pair must see the same, so that what passes is to be kept.
    traces: bool,
    state: Mutex<State>,
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

impl Watch {
    pub(super) fn begin(settings: &Arc<Settings>, scope: &mut Scope) -> Self {
        let exchange = exchange_name(scope.protocol(), scope.head());
        let http = matches!(scope, Scope::Http(_));
        let pair = match settings.role {
            Role::Single => Pair::single(),
            Role::Outer => Pair::open(scope.head_mut(), &settings.lifespans),
            Role::Inner => Pair::join(scope.head(), &settings.lifespans),
        };
        let mut traces = false;
        pair.with(|facts, _| {
            facts.untouched |= settings.http_only && !http;
            traces = facts.untouched;
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
            knows: false,
            stopped: false,
            tells: !matches!(scope, Scope::Lifespan(_)),
            witnessed: !matches!(scope, Scope::Lifespan(_)),
            dropped: false,
        };
        let watch =
            Self { session: Session::new(settings, exchange, pair), traces, state: Mutex::new(state) };
        watch.trace(Way::In, || {
            scope.head().map_or_else(
                || "lifespan".to_owned(),
                |head| {
                    let (uri, root_path) = (head.uri(), head.root_path());
                    format!("{uri} {root_path} {:?} {:?}", head.headers(), head.capabilities())
                },
            )
        });
        watch
    }

    /// Checks what the server tells of the request; what the call is to end with before it begins.
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
        self.session.note(found).filter(|_| !self.session.collects())
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
        self.accepted(event, result);
        let mut found = Findings::default();
        self.lock().sent(event, result, before, &mut found);
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
        self.accepted(start, result);
        self.accepted(body, result);
        let mut found = Findings::default();
        let mut state = self.lock();
        if let Err(SendError::Invalid(_)) = result {
            let mut attempt = Findings::default();
            if state.sent(start, &Ok(()), before, &mut attempt) == Sent::Accepted {
                found = attempt;
                state.sent(body, result, before, &mut found);
            } else {
                state.unsure = false;
                state.sent(start, result, before, &mut found);
            }
        } else {
            state.sent(start, result, before, &mut found);
            state.sent(body, result, before, &mut found);
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
        self.trace(Way::In, || format!("{event:?}"));
        let mut found = Findings::default();
        let mut state = self.lock();
        // What a call that is over left behind is told anything.
        if state.over {
            return;
        }
        before.sending |= state.sending > 0;
        if let Some(reason) = event.disconnect() {
            state.told(reason, before, &mut found);
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
        if state.over {
            return;
        }
        before.sending |= state.sending > 0;
        state.knows = true;
        state.stopped |= is_policy(reason);
        if !state.unsure && state.protocol.lost(reason, before, &mut found) {
            state.told(reason, before, &mut found);
        }
        drop(state);
        self.session.tell_later(found);
    }

    /// A flush failed.
    pub(super) fn lost(&self, reason: Disconnect, before: Before) -> Option<Violation> {
        let mut found = Findings::default();
        self.lock().failed(reason, before, &mut found);
        self.session.tell(found)
    }

    /// The server lets the application wait though a disconnect is due; told once.
    pub(super) fn waited(&self) {
        let mut found = Findings::default();
        let mut state = self.lock();
        if !state.over && !std::mem::replace(&mut state.waited, true) {
            found.outer("A-99", "`receive` waits after the end of the exchange");
        }
        drop(state);
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
        if !state.unsure && !state.stopped && !state.knows {
            state.protocol.ended(result, &mut found);
        }
        drop(state);
        let violation = self.session.tell(found);
        violation.or_else(|| self.session.tell(self.session.pair_findings()))
    }

    /// The server dropped the application's future.
    ///
    /// `ask` asks the server for its reason, where no witness will tell it.
    pub(super) fn dropped(&self, ask: impl FnOnce() -> Option<Disconnect>) {
        let mut found = Findings::default();
        let asks = !self.lock().tells;
        let told = if asks { ask() } else { None };
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

    /// The application's call panicked.
    pub(super) fn unwound(&self) {
        self.over();
        self.session.unwound();
    }

    /// Nothing that follows counts.
    pub(super) fn over(&self) {
        self.lock().over = true;
    }

    /// Keeps for a pair what the server accepted.
    fn accepted(&self, event: &SendEvent, result: &Result<(), SendError>) {
        if result.is_err() {
            return;
        }
        self.trace(Way::Out, || format!("{event:?}"));
        if let SendEvent::ResponseStart(start) = event {
            self.session.pair.with(|facts, role| facts.head(role, start.status.as_u16()));
        }
    }

    fn trace(&self, way: Way, what: impl FnOnce() -> String) {
        if self.traces {
            let what = what();
            self.session.pair.with(|facts, role| facts.trace(role, way, &what));
        }
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
