//! Wakers on both sides of what two tasks share.

use std::task::{Context, Waker};

/// Keeps the waker of whoever polled last.
pub(crate) fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}
