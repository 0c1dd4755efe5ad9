//! A WebSocket client that hides nothing.

use tokio::net::TcpStream;

use crate::support::{Client, Response, Server};

/// An open socket.
pub(crate) struct Wire {
    pub(crate) client: Client<TcpStream>,
}

/// A frame as the server sent it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    /// The first octet: FIN, reserved bits and opcode.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl Wire {
    /// Opens a socket on a connection of its own.
    pub(crate) async fn open(server: &Server, path: &str) -> Self {
        Self::open_with(server, path, "").await.0
    }

    /// Opens a socket; `fields` are added to the handshake.
    pub(crate) async fn open_with(server: &Server, path: &str, fields: &str) -> (Self, Response) {
        let (client, response) = shake_hands(server, path, fields).await;
        assert_eq!(response.status, 101, "{response:?}");
        (Self { client }, response)
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.send(TEXT, text.as_bytes()).await;
    }

    /// Sends a frame; `first` is its first octet.
    pub(crate) async fn send(&mut self, first: u8, payload: &[u8]) {
        self.client.send(frame(first, payload)).await;
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &str) {
        self.send(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat()).await;
    }

    /// Reads a frame; it is not masked (S-27), and its length has the shortest form (S-31).
    pub(crate) async fn next(&mut self) -> Frame {
        let head = self.client.exact(2).await;
        let (first, short) = (head[0], head[1]);
        assert!(short < 128, "S-27: a masked frame");
        let len = match short {
            126 => {
                let len = usize::from(u16::from_be_bytes(self.client.exact(2).await.try_into().unwrap()));
                assert!(len > 125, "S-31: {len}");
                len
            }
            127 => {
                let len = u64::from_be_bytes(self.client.exact(8).await.try_into().unwrap());
                assert!(len > 65535, "S-31: {len}");
                usize::try_from(len).unwrap()
            }
            len => usize::from(len),
        };
        Frame { first, payload: self.client.exact(len).await }
    }

    /// Reads a message that is a text.
    pub(crate) async fn next_text(&mut self) -> String {
        let frame = self.next().await;
        assert_eq!(frame.first, TEXT, "{frame:?}");
        String::from_utf8(frame.payload).unwrap()
    }

    /// Reads a Close: its code.
    pub(crate) async fn next_close(&mut self) -> u16 {
        let frame = self.next().await;
        assert_eq!(frame.first, CLOSE, "{frame:?}");
        u16::from_be_bytes(frame.payload[..2].try_into().unwrap())
    }

    /// Reads the Close that the server fails the socket with, and the end of the connection; nothing is
    /// between them.
    pub(crate) async fn failed(mut self) -> u16 {
        let code = self.next_close().await;
        assert_eq!(self.client.closed().await, b"", "S-51: nothing follows a Close");
        code
    }

    /// Closes with 1000, and reads on until the server has closed as well; the frames before its Close.
    pub(crate) async fn finish(mut self) -> Vec<Frame> {
        self.close(1000, "").await;
        let mut before = Vec::new();
        loop {
            let frame = self.next().await;
            if frame.first == CLOSE {
                assert_eq!(frame.payload, 1000_u16.to_be_bytes(), "S-50: the code is echoed");
                assert_eq!(self.client.closed().await, b"", "S-53: the server closes first");
                return before;
            }
            before.push(frame);
        }
    }
}

/// The answer to a valid handshake with further fields.
pub(crate) async fn shake_hands(server: &Server, path: &str, fields: &str) -> (Client<TcpStream>, Response) {
    let mut client = server.connect().await;
    client.send(request(path, fields)).await;
    let response = client.head().await;
    (client, response)
}

/// A valid handshake with further fields.
pub(crate) fn request(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n{fields}\r\n"
    )
}

/// A frame as a client sends it: masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | u8::try_from(len).unwrap()),
        len @ 126..65536 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask));
    frame
}

pub(crate) const CONTINUE: u8 = 0x80;
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
