//! Calls of gRPC, by tonic's own client, which is not counted.

use std::error::Error;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use bytes::Bytes;
use gateway_iface::http::uri::PathAndQuery;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use crate::counted::{Counted, per_call};

struct Call {
    name: &'static str,
    path: &'static str,
    octets: usize,
}

const CALLS: &[Call] = &[
    Call { name: "unary hello", path: "/measured.Measured/Echo", octets: 13 },
    Call { name: "stream of ten messages", path: "/measured.Measured/Stream", octets: 1024 },
    Call { name: "unary echo of 1 MiB", path: "/measured.Measured/Echo", octets: 1024 * 1024 },
];

/// Compares what calls cost on both servers, and says so.
pub(crate) fn rows(counted: Counted, server: &Path, wanted: &[String]) -> Result<(), Box<dyn Error>> {
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("tonic on gateway-hyper, over tonic's own server:");
    for call in CALLS {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| call.name.contains(wanted.as_str())) {
            continue;
        }
        let load = |addr: &str, calls: u64, _: &mut Child| client.block_on(load(addr, call, calls));
        let ours = per_call(counted, server, &["--server", "native"], call.octets, load)?;
        let theirs = per_call(counted, server, &["--server", "tonic"], call.octets, load)?;
        let ratio = ours as f64 / theirs as f64;
        println!("  {:<34} {ours:>10} {theirs:>10} {ratio:>7.3}", call.name);
    }
    Ok(())
}

#[derive(Clone, PartialEq, prost::Message)]
struct Block {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
}

/// Makes the calls, one after the other on one connection.
async fn load(addr: &str, call: &Call, calls: u64) -> Result<(), Box<dyn Error>> {
    let endpoint = Endpoint::from_shared(format!("http://{addr}"))?;
    let mut client = Grpc::new(tokio::time::timeout(START, connect(endpoint)).await?);
    let block = Block { data: vec![b'x'; call.octets].into() };
    for _ in 0..calls {
        client.ready().await?;
        let (request, path) = (Request::new(block.clone()), PathAndQuery::from_static(call.path));
        let codec = ProstCodec::<Block, Block>::default();
        let mut answer = client.server_streaming(request, path, codec).await?.into_inner();
        while answer.message().await?.is_some() {}
    }
    Ok(())
}

async fn connect(endpoint: Endpoint) -> Channel {
    loop {
        match endpoint.connect().await {
            Ok(channel) => return channel,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Under valgrind a server takes its time to listen.
const START: Duration = Duration::from_secs(30);
