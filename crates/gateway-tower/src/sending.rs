//! Sends the response of a service.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use gateway_iface::adapter::{Failed, Watch};
use gateway_iface::asgi::event::{ResponseStart, ResponseTrailers};
use gateway_iface::asgi::{self, Capability};
use gateway_iface::{BoxError, Error, RequestHead};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use http_body::{Body, Frame};

/// What sends the response to one request.
pub(crate) struct Sending {
    send: asgi::Send,
    watch: Watch,
    is_head: bool,
    trailers: Trailers,
}

/// Where trailers may go.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Trailers {
    Nowhere,
    /// Where the head announces them, as HTTP/1.1 has it.
    Announced,
    Anywhere,
}

impl Sending {
    pub(crate) fn new(head: &RequestHead, send: asgi::Send, watch: Watch) -> Self {
        let trailers = match head.version() {
            _ if !head.capabilities().contains(Capability::Trailers) => Trailers::Nowhere,
            Version::HTTP_2 | Version::HTTP_3 => Trailers::Anywhere,
            _ => Trailers::Announced,
        };
        Self { send, watch, is_head: head.method() == Method::HEAD, trailers }
    }

    pub(crate) const fn watch(&mut self) -> &mut Watch {
        &mut self.watch
    }

    /// Sends the response; a body that waits is dropped when the client leaves.
    pub(crate) async fn send<B>(mut self, response: Response<B>) -> Result<(), Error>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = response.into_parts();
        let mut body = pin!(body);
        let mut start = Some(self.start(parts.status, parts.headers, &*body));
        let trailing = start.as_ref().is_some_and(|start| start.trailers);
        let mut fields = None;
        loop {
            let mut next = Poll::Ready(None);
            if !body.is_end_stream() {
                next = poll_fn(|cx| Poll::Ready(poll_frame(body.as_mut(), cx))).await;
            }
            let frame = match next {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    self.let_go(&mut start).await?;
                    self.watch.unless_gone(poll_fn(|cx| poll_frame(body.as_mut(), cx))).await?
                }
            };
            match frame.transpose()?.map(Frame::into_data) {
                Some(Ok(mut data)) => {
                    // What is `Bytes` already is not copied.
                    let block = data.copy_to_bytes(data.remaining());
                    if body.is_end_stream() {
                        self.last(start, block).await?;
                        break;
                    }
                    if let Some(start) = start.take() {
                        self.send.send(start).await?;
                    }
                    self.send.block(block).await?;
                }
                Some(Err(frame)) => fields = frame.into_trailers().ok().or(fields),
                None => {
                    self.last(start, Bytes::new()).await?;
                    break;
                }
            }
        }
        if trailing {
            self.send.send(ResponseTrailers::last(fields.unwrap_or_default())).await?;
        }
        // The answer to what failed further in is out; now the server learns of it.
        parts.extensions.get::<Failed>().map_or(Ok(()), |failed| Err(failed.clone().into()))
    }

    fn start(&self, status: StatusCode, mut headers: HeaderMap, body: &impl Body) -> ResponseStart {
        let size = body.size_hint().exact();
        let hides = self.is_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if let (Some(size), false) = (size, hides) {
            headers.entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(size));
        }
        let trailers = match self.trailers {
            Trailers::Anywhere => size.is_none(),
            Trailers::Announced => headers.contains_key(header::TRAILER),
            Trailers::Nowhere => false,
        };
        ResponseStart::new(status, headers).with_trailers(trailers)
    }

    /// Lets the head go, where nothing is there yet to follow it.
    async fn let_go(&mut self, start: &mut Option<ResponseStart>) -> Result<(), Error> {
        if let Some(start) = start.take() {
            self.send.send(start).await?;
            self.send.block(Bytes::new()).await?;
        }
        Ok(())
    }

    /// Sends the last block, with the head where that is not out; a server knows the length then.
    async fn last(&mut self, start: Option<ResponseStart>, block: Bytes) -> Result<(), Error> {
        let (mut start, mut block) = (start, Some(block));
        if start.is_some() {
            poll_fn(|cx| self.send.poll_respond(cx, &mut start, &mut block)).await?;
        } else {
            self.send.last(block.unwrap_or_default()).await?;
        }
        Ok(())
    }
}

fn poll_frame<B>(body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, Error>>>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    body.poll_frame(cx).map_err(Error::new)
}
