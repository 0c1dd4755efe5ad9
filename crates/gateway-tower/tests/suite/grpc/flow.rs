//! Messages pass as they are made, and no faster than they are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::Channel;

use super::servers::{Ours, codec, connect, on_both_runtimes, path};
use super::service::{CHAT, COLLECT, Notes, REPEAT, Wish, note};

#[test]
fn a_69_messages_of_a_chat_take_turns() {
    on_both_runtimes(async || {
        let server = Ours::tonic(Notes::new().0).await;
        let mut client = Grpc::new(connect(server.addr).await);
        let (say, said) = mpsc::channel(1);
        client.ready().await.unwrap();
        // The head comes before the first message was sent.
        let chat = Request::new(ReceiverStream::new(said));
        let mut answer = client.streaming(chat, path(CHAT), codec()).await.unwrap().into_inner();
        for number in 0..100 {
            say.send(note(number, "x")).await.unwrap();
            assert_eq!(answer.message().await.unwrap(), Some(note(number + 1, "x")));
        }
        drop((say, client));
        assert_eq!(answer.message().await.unwrap(), None);
        server.stop().await;
    });
}

#[test]
fn a_69_handler_makes_no_more_than_its_client_takes() {
    on_both_runtimes(async || {
        let (notes, seen, _drops) = Notes::new();
        let server = Ours::tonic(notes).await;
        let mut client = Grpc::new(connect(server.addr).await);
        client.ready().await.unwrap();
        let wanted = Request::new(note(MANY, vec![b'x'; LARGE]));
        let mut answer = client.server_streaming(wanted, path(REPEAT), codec()).await.unwrap().into_inner();
        let mut other = Grpc::new(connect(server.addr).await);
        let made = stands_still(&mut other, || *seen.passed.borrow()).await;
        assert!((1..MANY / 2).contains(&made), "{made} made, and none is taken");
        let mut taken = 0;
        while answer.message().await.unwrap().is_some() {
            taken += 1;
        }
        assert_eq!(taken, MANY);
        drop((client, other));
        server.stop().await;
    });
}

#[test]
fn a_67_client_sends_no_more_than_the_handler_takes() {
    on_both_runtimes(async || {
        let (notes, seen, _drops) = Notes::new();
        let server = Ours::tonic(notes).await;
        let mut client = Grpc::new(connect(server.addr).await);
        client.ready().await.unwrap();
        let made = Arc::new(AtomicU32::new(0));
        let counted = made.clone();
        let large = note(0, vec![b'x'; LARGE]).with_wish(Wish::Gate);
        let notes = tokio_stream::iter(0..MANY).map(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            large.clone()
        });
        let call = tokio::spawn(async move {
            client.client_streaming(Request::new(notes), path(COLLECT), codec()).await
        });
        let mut other = Grpc::new(connect(server.addr).await);
        let sent = stands_still(&mut other, || made.load(Ordering::SeqCst)).await;
        assert!((1..MANY / 2).contains(&sent), "{sent} sent, and none is taken");
        seen.gate.close();
        assert_eq!(call.await.unwrap().unwrap().into_inner().number, MANY);
        drop(other);
        server.stop().await;
    });
}

/// Waits until a count stays what it is while the server does a lot of other things.
async fn stands_still(other: &mut Grpc<Channel>, count: impl Fn() -> u32) -> u32 {
    let (mut last, mut since) = (0, 0);
    while last == 0 || since < 50 {
        other.ready().await.unwrap();
        // A call to a method that is not there, so that it is not counted itself.
        let none = other.unary::<_, super::service::Note, _>(Request::new(note(0, "")), path(NONE), codec());
        assert_eq!(none.await.unwrap_err().code(), tonic::Code::Unimplemented);
        let now = count();
        since = if now == last { since + 1 } else { 0 };
        last = now;
    }
    last
}

const MANY: u32 = 512;
const LARGE: usize = 64 * 1024;
const NONE: &str = "/suite.Notes/None";
