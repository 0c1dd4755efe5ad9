//! Loads the WebSocket of a server with messages that it sends back, or keeps WebSockets open without any.

use std::error::Error;
use std::io::Read as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::{Parser, Subcommand};
use futures_util::future::try_join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Loads `/ws` of a server.
#[derive(Parser)]
struct Options {
    /// Where the server listens.
    server: SocketAddr,
    /// How many WebSockets.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Octets of each message.
    #[arg(long, default_value_t = 125)]
    octets: usize,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Sends a message, waits for it, sends the next; prints how many came back.
    Echo {
        /// For so many seconds.
        seconds: f64,
    },
    /// Sends one message on each, prints `ready`, and keeps them open until standard input ends.
    Idle,
}

type Socket = WebSocketStream<TcpStream>;
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let message = Bytes::from(vec![b'x'; options.octets]);
    let mut sockets = Vec::new();
    for _ in 0..options.connections {
        let mut socket = connect(options.server).await?;
        round_trip(&mut socket, &message).await?;
        sockets.push(socket);
    }
    match options.what {
        What::Echo { seconds } => {
            let end = Instant::now() + Duration::from_secs_f64(seconds);
            let running = sockets.into_iter().map(|socket| echo(socket, &message, end));
            println!("{}", try_join_all(running).await?.into_iter().sum::<u64>());
        }
        What::Idle => {
            println!("ready");
            std::io::stdin().read_to_end(&mut Vec::new())?;
        }
    }
    Ok(())
}

async fn connect(server: SocketAddr) -> Result<Socket, Failure> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(4096);
    Ok(client_async_with_config(format!("ws://{server}/ws"), stream, Some(config)).await?.0)
}

async fn echo(mut socket: Socket, message: &Bytes, end: Instant) -> Result<u64, Failure> {
    let mut count = 0;
    while Instant::now() < end {
        round_trip(&mut socket, message).await?;
        count += 1;
    }
    Ok(count)
}

async fn round_trip(socket: &mut Socket, message: &Bytes) -> Result<(), Failure> {
    socket.send(Message::Binary(message.clone())).await?;
    let back = socket.next().await.ok_or("the server closed the connection")??;
    if back.into_data() == *message { Ok(()) } else { Err("another message came back".into()) }
}
