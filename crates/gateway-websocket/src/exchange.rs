//! The connection's side of a WebSocket.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_iface::Error;
use gateway_iface::asgi::event::Message;
use gateway_iface::asgi::machine::{WebSocketEnding, WebSocketState};
use gateway_iface::asgi::{Disconnect, WebSocketScope};
use http::StatusCode;
use parking_lot::{Mutex, MutexGuard};
use tracing::{debug, error};

use super::close::{ABNORMAL, Failure, PeerClose};
use super::deflate::Deflater;
use super::state::{Reply, State, keep};

/// One WebSocket: what the application's halves and the connection meet in.
#[derive(Debug)]
pub(super) struct WebSocketExchange {
    state: Mutex<State>,
    /// Whether the connection's own task is polling the application right now, and will look at
    /// the state when that is done: then it needs no waking.
    driving: AtomicBool,
}

impl WebSocketExchange {
    pub(super) fn new(scope: &WebSocketScope) -> Self {
        Self { state: Mutex::new(State::new(scope)), driving: AtomicBool::new(false) }
    }

    /// Polls the application by `poll`; what it sends meanwhile wakes no one.
    pub(super) fn drive<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.driving.store(true, Ordering::Relaxed);
        let result = poll();
        self.driving.store(false, Ordering::Relaxed);
        result
    }

    /// Leaves the waker of the connection, to be woken by an application's half in another task.
    pub(super) fn wait(&self, cx: &Context<'_>) {
        keep(&mut self.lock().connection, cx);
    }

    /// What the handshake is to be answered with.
    pub(super) fn poll_reply(&self, cx: &Context<'_>) -> Poll<Reply> {
        let mut state = self.lock();
        if let Some(reply) = state.reply.take() {
            return Poll::Ready(reply);
        }
        match (state.ended, state.machine.state()) {
            (Some(_), _) => Poll::Ready(Reply::Refuse(StatusCode::INTERNAL_SERVER_ERROR)),
            (None, WebSocketState::Closed) => Poll::Ready(Reply::Refuse(StatusCode::SERVICE_UNAVAILABLE)),
            _ => {
                keep(&mut state.connection, cx);
                Poll::Pending
            }
        }
    }

    /// Frames go out from now on, compressed by this.
    pub(super) fn open(&self, deflater: Option<Deflater>) {
        let mut state = self.lock();
        if !state.close_sent {
            state.deflater = deflater;
        }
    }

    /// A message came; whether reading is to pause.
    pub(super) fn deliver(&self, message: Message) -> bool {
        let mut state = self.lock();
        // What comes after this side's Close is discarded (S-54).
        if state.is_open() {
            state.push_message(message);
            state.wake_receiver();
        }
        !state.has_room_to_receive()
    }

    pub(super) fn has_room_to_receive(&self) -> bool {
        self.lock().has_room_to_receive()
    }

    /// A ping came.
    pub(super) fn pong(&self, payload: Vec<u8>) {
        self.lock().write_pong(payload);
    }

    /// Asks the client for a sign of life.
    pub(super) fn ping(&self) {
        self.lock().write_ping();
    }

    /// The client's Close came: it is answered, unless it is the answer (S-50).
    pub(super) fn peer_closed(&self, close: PeerClose) {
        let mut state = self.lock();
        let code = close.code();
        state.write_close(close.code, "");
        state.lose(code, close.reason, Disconnect::Client);
    }

    /// The client broke the protocol, or a limit (S-58, S-65).
    pub(super) fn fail(&self, failure: Failure) {
        debug!(code = failure.code, reason = failure.reason, "websocket failed");
        let mut state = self.lock();
        state.write_close(Some(failure.code), failure.reason);
        state.lose(failure.code, failure.reason.to_owned(), Disconnect::Client);
    }

    /// The client shows no sign of life (S-45).
    pub(super) fn time_out(&self) {
        debug!("websocket timed out");
        let mut state = self.lock();
        state.write_close(Some(1011), "no answer to a ping");
        state.lose(ABNORMAL, String::new(), Disconnect::Timeout);
    }

    /// The connection is over without a Close, or the server gives it up.
    ///
    /// Whether it was not over before.
    pub(super) fn lose(&self, cause: Disconnect) -> bool {
        let mut state = self.lock();
        let lost = state.machine.state() != WebSocketState::Closed;
        state.lose(ABNORMAL, String::new(), cause);
        state.out = Vec::new();
        state.writing = false;
        state.blocks.clear();
        state.queued = 0;
        state.discard = true;
        state.deflater = None;
        lost
    }

    /// The server shuts down: an open socket is closed; a handshake may still be answered.
    pub(super) fn shut_down(&self) {
        let mut state = self.lock();
        state.shutdown = true;
        if state.is_open() {
            state.write_close(Some(GOING_AWAY), "");
            state.lose(GOING_AWAY, String::new(), Disconnect::Shutdown);
        } else if let Some(waker) = state.receiver.take() {
            waker.wake();
        }
    }

    /// The application's call is over (S-59); whether that is the application's fault.
    pub(super) fn end(&self, result: &Result<(), Error>) -> bool {
        let mut state = self.lock();
        let (ending, fault) = state.machine.end(result);
        if fault {
            report(result, ending);
        }
        if let WebSocketEnding::Close(code) = ending {
            state.write_close(Some(code), "");
        }
        state.ended = Some(ending);
        state.machine.finish();
        state.drop_messages();
        // A half that is left behind in another task is told so.
        state.lose(ABNORMAL, String::new(), Disconnect::Complete);
        fault
    }

    /// The call is dropped: nothing more comes of the exchange.
    pub(super) fn finish(&self) {
        let mut state = self.lock();
        state.machine.finish();
        state.drop_messages();
    }

    /// Takes the frames that are there for the client; whether this side's Close is among them, or went before.
    pub(super) fn take_out(&self, out: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        std::mem::swap(&mut state.out, out);
        if let Some(payload) = state.pong.take() {
            state.write_pong(payload);
        }
        state.writing = !out.is_empty();
        state.wake_sender();
        state.close_sent
    }

    /// Takes all blocks of a denial that are there; what follows them. Where that is not known it wakes the task.
    pub(super) fn take_blocks(&self, cx: &Context<'_>, blocks: &mut VecDeque<Bytes>) -> Next {
        let mut state = self.lock();
        blocks.append(&mut state.blocks);
        state.queued = 0;
        state.wake_sender();
        match (state.machine.state(), state.ended) {
            (_, Some(WebSocketEnding::Abort)) => Next::Abort,
            (WebSocketState::Closed, _) => Next::End,
            _ => {
                keep(&mut state.connection, cx);
                Next::Unknown
            }
        }
    }

    /// No one reads the denial any more.
    pub(super) fn discard(&self) {
        let mut state = self.lock();
        state.discard = true;
        state.blocks.clear();
        state.queued = 0;
        state.wake_sender();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Wakes whoever waits for what the application sends.
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.lock().connection {
            waker.wake_by_ref();
        }
    }

    /// Wakes the connection's task, unless it is the one that polls.
    pub(super) fn wake_connection(&self, state: &State) {
        if !self.driving.load(Ordering::Relaxed)
            && let Some(waker) = &state.connection
        {
            waker.wake_by_ref();
        }
    }
}

/// What follows the blocks of a denial that are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// The application has not said.
    Unknown,
    /// The end of the response.
    End,
    /// The application ended before its response did.
    Abort,
}

#[cold]
fn report(result: &Result<(), Error>, ending: WebSocketEnding) {
    match (result, ending) {
        // Anyone can ask an application for what it does not speak.
        (Err(error), WebSocketEnding::Refuse) if error.is_unsupported_scope() => {
            debug!(error = %error, "the application does not serve websockets");
        }
        (Err(error), _) => error!(error = %error, "the application failed"),
        (Ok(()), _) => error!("the application returned before it answered the handshake"),
    }
}

/// The code of a server that stops.
const GOING_AWAY: u16 = 1001;
