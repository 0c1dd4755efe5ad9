//! A client that sends what no client should.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::table::Case;

/// What came of a case.
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    /// The client's address, by which the calls of the application are known.
    pub(crate) client: SocketAddr,
    /// Kept, so that no other case gets the same address.
    _stream: (OwnedReadHalf, OwnedWriteHalf),
}

/// Sends each case on a connection of its own, all of them at once: as a whole, or in pieces.
pub(crate) async fn send_all(addr: SocketAddr, cases: &[Case], in_pieces: bool) -> Vec<Outcome> {
    let mut tasks = JoinSet::new();
    for (place, case) in cases.iter().enumerate() {
        let mut request = case.request.clone();
        if !case.cut {
            request.extend(NEXT);
        }
        let piece = match (in_pieces, request.len()) {
            (false, len) => len,
            (true, ..4000) => 1,
            (true, _) => 997,
        };
        let (cut, of_head) = (case.cut, case.request.starts_with(b"HEAD "));
        tasks.spawn(async move { (place, send(addr, request, piece, cut, of_head).await) });
    }
    let mut outcomes = tasks.join_all().await;
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

async fn send(addr: SocketAddr, request: Vec<u8>, piece: usize, cut: bool, of_head: bool) -> Outcome {
    let stream = TcpStream::connect(addr).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket takes options");
    let client = stream.local_addr().expect("a socket has an address");
    let (mut reader, mut writer) = stream.into_split();
    let mut came = Vec::new();
    let sending = async {
        for piece in request.chunks(piece) {
            // A server need not read on when it has seen enough.
            if writer.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        if cut {
            let _ = writer.shutdown().await;
        }
    };
    let reading = async { while matches!(reader.read_buf(&mut came).await, Ok(1..)) {} };
    let closed = async {
        tokio::pin!(sending);
        tokio::select! {
            () = reading => {}
            () = async { sending.as_mut().await; std::future::pending::<()>().await } => {}
        }
    };
    let closed = tokio::time::timeout(DEADLINE, closed).await.is_ok();
    Outcome { answer: Answer::parse(&came, of_head, closed), client, _stream: (reader, writer) }
}

/// The request that shows whether a connection goes on.
const NEXT: &[u8] = b"GET /marker HTTP/1.1\r\nHost: marker\r\nConnection: close\r\n\r\n";

/// After this a server is taken to say nothing more; no right answer depends on it.
const DEADLINE: Duration = Duration::from_secs(20);
