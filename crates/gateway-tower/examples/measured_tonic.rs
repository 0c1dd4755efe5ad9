//! The servers whose costs `cargo bench -p gateway-tower --bench costs` compares: tonic's own and gateway-hyper,
//! with the same service.
//!
//! `cargo run -p gateway-tower --features tonic --example measured_tonic -- --bind 127.0.0.1:8000 --server native`

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use gateway_iface::{BoxError, http};
use tokio_stream::StreamExt as _;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// A server to count.
#[derive(Parser)]
struct Options {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:8000")]
    bind: SocketAddr,
    #[arg(long, default_value = "tonic")]
    server: Server,
}

#[derive(Clone, Copy, ValueEnum)]
enum Server {
    /// tonic's own.
    Tonic,
    /// gateway-hyper.
    Native,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let options = Options::parse();
    match options.server {
        Server::Tonic => {
            tonic::transport::Server::builder().add_service(Measured).serve(options.bind).await?
        }
        Server::Native => {
            let app = gateway_tower::tonic::application(Routes::new(Measured).prepare());
            let builder = gateway_hyper::Server::builder().lifespan(gateway_hyper::LifespanMode::Off);
            builder.bind(options.bind).await?.serve(app).await?;
        }
    }
    Ok(())
}

/// Answers with what it is sent, once or ten times.
#[derive(Clone, Copy)]
struct Measured;

#[derive(Clone, PartialEq, prost::Message)]
struct Block {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
}

async fn echo(request: Request<Block>) -> Result<Response<Block>, Status> {
    Ok(Response::new(request.into_inner()))
}

async fn stream(request: Request<Block>) -> Result<Response<Blocks>, Status> {
    let block = request.into_inner();
    Ok(Response::new(Box::pin(tokio_stream::iter(0..10).map(move |_| Ok(block.clone())))))
}

type Blocks = Pin<Box<dyn tokio_stream::Stream<Item = Result<Block, Status>> + Send>>;

impl NamedService for Measured {
    const NAME: &'static str = "measured.Measured";
}

impl tower::Service<http::Request<Body>> for Measured {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Block, Block>::default());
            Ok(match request.uri().path() {
                "/measured.Measured/Stream" => grpc.server_streaming(service_fn(stream), request).await,
                _ => grpc.unary(service_fn(echo), request).await,
            })
        })
    }
}
