//! One call, on the side of the server that makes it.

use std::future::poll_fn;
use std::task::Poll;

use gateway_iface::adapter::{Failed, Watch};
use gateway_iface::asgi::{self, Disconnect};
use gateway_iface::{Error, bytes::Bytes};

use super::handover::{Parcel, Taker};

/// Sends what a worker hands over, up to its end, unless the client leaves first.
pub(super) async fn http(taker: Taker, watch: Watch, send: asgi::Send) -> Result<(), Error> {
    let mut failed = None;
    let sent = respond(taker, watch, send, &mut failed).await;
    // The answer to what failed further in is out, or its client is gone: now the server learns of it.
    match failed.filter(Failed::is_fault) {
        Some(failed) => Err(failed.into()),
        None => sent,
    }
}

async fn respond(
    mut taker: Taker,
    mut watch: Watch,
    mut send: asgi::Send,
    behind: &mut Option<Failed>,
) -> Result<(), Error> {
    let mut head_waits = false;
    loop {
        let Parcel { start, failed, mut blocks, end, .. } = take(&mut taker, &mut watch).await?;
        if let Some(start) = start {
            *behind = failed;
            if blocks.len() <= 1 && matches!(end, Some(Ok(()))) {
                let body = blocks.pop_front().unwrap_or_default();
                let (mut start, mut body) = (Some(start), Some(body));
                return Ok(poll_fn(|cx| send.poll_respond(cx, &mut start, &mut body)).await?);
            }
            send.send(start).await?;
            head_waits = true;
        }
        while let Some(block) = blocks.pop_front() {
            if blocks.is_empty() && matches!(end, Some(Ok(()))) {
                return Ok(send.last(block).await?);
            }
            send.block(block).await?;
            head_waits = false;
        }
        match end {
            Some(Ok(())) => return Ok(send.last(Bytes::new()).await?),
            Some(Err(error)) => return Err(error),
            // A handler that has no block yet wants its head to be seen.
            None if head_waits => send.block(Bytes::new()).await?,
            None => {}
        }
        head_waits = false;
    }
}

/// Waits until a worker has done all there is to do.
pub(super) async fn end(taker: Taker) -> Result<(), Error> {
    loop {
        if let Some(result) = poll_fn(|cx| taker.poll_take(cx)).await.end {
            return result;
        }
    }
}

async fn take(taker: &mut Taker, watch: &mut Watch) -> Result<Parcel, Disconnect> {
    poll_fn(|cx| match taker.poll_take(cx) {
        Poll::Ready(parcel) => Poll::Ready(Ok(parcel)),
        Poll::Pending => watch.poll_gone(cx).map(Err),
    })
    .await
}
