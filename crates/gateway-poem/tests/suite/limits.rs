//! Where poem's own server is the limit: what the kit is excepted from, with nothing of ours in between.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use poem::endpoint::make;
use poem::{Body, Endpoint, Response, Server};

use crate::client::{Client, within};
use crate::hosts::{acceptor, address};

fn serve(endpoint: impl Endpoint + 'static) -> SocketAddr {
    let acceptor = acceptor().unwrap();
    let addr = address(&acceptor);
    tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint));
    addr
}

/// A body that gives a block, and then fails.
struct Failing(u8);

impl http_body::Body for Failing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0 += 1;
        match self.0 {
            1 => Poll::Ready(Some(Ok(Frame::data("part".into())))),
            // The block is out before it fails.
            2 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(Some(Err(io::Error::other("it fails")))),
        }
    }
}

#[tokio::test]
async fn poem_ends_a_body_that_fails_as_if_it_were_complete() {
    within(async {
        let endpoint = make(|_| async { Response::builder().body(Body::from(BoxBody::new(Failing(0)))) });
        let client = Client::send(serve(endpoint), "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
        let seen = client.all().await;
        assert!(seen.ends_with("\r\n4\r\npart\r\n0\r\n\r\n"), "{seen}");
    })
    .await;
}
