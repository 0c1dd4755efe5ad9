//! httpx, a client for Python: both ways as a stream, and many requests at once.

use std::mem;

use bytes::Bytes;
use gateway_iface::{Error, asgi, async_trait};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::support::{over_tcp, over_tls, python};

/// An application whose streams go on when another request says so.
pub(crate) struct App {
    next: Queue<()>,
    was_read: Queue<Bytes>,
}

struct Queue<T> {
    sender: Sender<T>,
    receiver: Mutex<Receiver<T>>,
}

impl<T> Queue<T> {
    fn new() -> Self {
        let (sender, receiver) = channel(1);
        Self { sender, receiver: Mutex::new(receiver) }
    }

    async fn put(&self, item: T) {
        assert!(self.sender.send(item).await.is_ok(), "the queue has both of its ends");
    }

    async fn take(&self) -> T {
        self.receiver.lock().await.recv().await.unwrap()
    }
}

impl App {
    pub(crate) fn new() -> Self {
        Self { next: Queue::new(), was_read: Queue::new() }
    }
}

#[async_trait]
impl asgi::Application for App {
    async fn call(
        &self,
        scope: asgi::Scope,
        mut receive: asgi::Receive,
        mut send: asgi::Send,
    ) -> Result<(), Error> {
        let scope = scope.into_http()?;
        match scope.path_info() {
            "/fields" => {
                let mut headers = text();
                let name = HeaderName::from_static("x-back");
                for value in scope.head().headers().get_all(&name) {
                    headers.append(&name, value.clone());
                }
                send.start(StatusCode::OK, headers).await?;
                send.last("").await?;
            }
            "/echo" => {
                send.start(StatusCode::OK, text()).await?;
                while let Some(block) = receive.block().await? {
                    send.block(block).await?;
                }
                send.last("").await?;
            }
            "/down" => {
                send.start(StatusCode::OK, text()).await?;
                for n in 0..5 {
                    send.block(format!("block {n}\n")).await?;
                    self.next.take().await;
                }
                send.last("").await?;
            }
            "/next" => {
                self.next.put(()).await;
                send.text(200, "").await?;
            }
            "/up" => {
                let (mut octets, mut line) = (0, Vec::new());
                while let Some(block) = receive.block().await? {
                    octets += block.len();
                    line.extend(block);
                    if line.ends_with(b"\n") {
                        self.was_read.put(mem::take(&mut line).into()).await;
                    }
                }
                send.text(200, format!("{octets} octets")).await?;
            }
            "/was-read" => send.text(200, self.was_read.take().await).await?,
            path => {
                let method = scope.head().method();
                let query = scope.query_string();
                let mark = if query.is_empty() { "" } else { "?" };
                send.text(200, format!("{method} {path}{mark}{query}")).await?;
            }
        }
        Ok(())
    }
}

fn text() -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))])
}

/// Runs that case of the script over both versions, with TLS and without.
fn check(case: &str) {
    over_tcp(App::new(), async |site| {
        let url = site.url("");
        python("httpx_client.py", &[&url, case]).await;
        python("httpx_client.py", &[&url, case, "--http2"]).await;
    });
    over_tls(App::new(), async |site| {
        let (url, roots) = (site.url(""), site.roots().unwrap());
        python("httpx_client.py", &[&url, case, "--ca", roots]).await;
        python("httpx_client.py", &[&url, case, "--ca", roots, "--http2"]).await;
    });
}

#[test]
fn h_94_requests_are_answered_one_after_the_other() {
    check("gets");
}

#[test]
fn h_77_answer_to_head_has_no_body() {
    check("heads");
}

#[test]
fn h_27_fields_are_given_as_they_came_and_sent_as_they_are() {
    check("fields");
}

#[test]
fn h_86_block_of_a_response_is_there_before_the_next_is_made() {
    check("streams_down");
}

#[test]
fn h_53_block_of_a_request_is_read_before_the_next_is_made() {
    check("streams_up");
}

#[test]
fn h_36_large_upload_comes_back_as_it_was() {
    check("uploads");
}

#[test]
fn h_103_five_hundred_requests_fifty_at_once_are_answered() {
    check("at_once");
}
