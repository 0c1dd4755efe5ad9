//! How a thread sleeps until a future can go on.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A flag that one thread waits for.
#[derive(Debug, Default)]
pub(super) struct Parker {
    state: Mutex<State>,
    condition: Condvar,
}

#[derive(Debug, Default)]
struct State {
    woken: bool,
    /// Waking nobody would be a system call all the same.
    parked: bool,
}

impl Parker {
    /// Forgets wake-ups of the past.
    pub(super) fn reset(&self) {
        lock(&self.state).woken = false;
    }

    /// Lets [`park`](Self::park) return, now or when it is called next.
    pub(super) fn unpark(&self) {
        let mut state = lock(&self.state);
        state.woken = true;
        if state.parked {
            self.condition.notify_one();
        }
    }

    /// Sleeps until it is woken.
    pub(super) fn park(&self) {
        let mut state = lock(&self.state);
        state.parked = true;
        while !state.woken {
            state = wait(&self.condition, state);
        }
        state.parked = false;
    }
}

/// Locks; a thread that panicked while it held the lock left nothing half done here.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits; see [`lock`].
pub(super) fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}
