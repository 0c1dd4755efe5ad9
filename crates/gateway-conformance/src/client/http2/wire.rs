//! An exchange over HTTP/2.

use std::net::SocketAddr;

use gateway_iface::bytes::Bytes;
use gateway_iface::http::{HeaderValue, Request, header};

use super::connection::Http2;
use super::stream::Stream;
use crate::case::Failure;
use crate::client::exchange::Wire;
use crate::client::response::Fields;
use crate::client::{Block, QUIET, Response, Upload};

/// One request on a connection of its own.
pub(crate) struct Http2Wire {
    stream: Stream,
    /// It goes on until this is dropped.
    _connection: Http2,
}

impl Http2Wire {
    pub(crate) fn open(
        addr: SocketAddr,
        mut request: Request<()>,
        upload: Upload,
        body: &Bytes,
    ) -> Result<Self, Failure> {
        if let Upload::Sized(len) = upload {
            request.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(len));
        }
        let mut connection = Http2::connect(addr)?;
        let mut stream = connection.open(&request, matches!(upload, Upload::None))?;
        if !body.is_empty() {
            stream.send(body.clone(), true);
        }
        Ok(Self { stream, _connection: connection })
    }
}

impl Wire for Http2Wire {
    fn send(&mut self, block: Bytes, last: bool) -> Result<(), Failure> {
        self.stream.send(block, last);
        Ok(())
    }

    fn head(&mut self) -> Result<Response, Failure> {
        self.stream.head()
    }

    fn block(&mut self) -> Result<Block, Failure> {
        self.stream.block()
    }

    fn trailers(&mut self) -> Fields {
        self.stream.trailers()
    }

    /// The end of a stream is its end.
    fn nothing_more(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn offer(&mut self, block: &mut Bytes) -> Result<bool, Failure> {
        Ok(self.stream.offer(block, QUIET))
    }

    fn is_silent(&mut self) -> Result<bool, Failure> {
        Ok(self.stream.is_silent(QUIET))
    }

    /// A stream that is reset is lost, whatever becomes of its connection.
    fn leave(self: Box<Self>) -> Result<(), Failure> {
        self.stream.reset();
        Ok(())
    }
}
