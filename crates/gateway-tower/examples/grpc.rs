//! A greeter in gRPC, with reflection and health, beside a plain application on one port.
//!
//! `cargo run -p gateway-tower --features tonic --example grpc`
//!
//! `curl http://127.0.0.1:8000/` is answered by the application. `grpcurl -plaintext 127.0.0.1:8000 list` lists the
//! services, and the client in here calls the greeter:
//!
//! `cargo run -p gateway-tower --features tonic --example grpc -- --call World`
//!
//! What stands in `greeter` is what tonic's code generator writes from the file of a protocol; by hand it needs neither
//! that nor a compiler of such files.

#![expect(clippy::print_stdout, reason = "the answer of a call is for the terminal")]

use gateway_hyper::Server;
use gateway_iface::http::uri::PathAndQuery;
use gateway_iface::middleware::Counter;
use gateway_iface::{BoxError, Error, asgi};
use gateway_tower::ToTower;
use tokio_stream::StreamExt as _;
use tonic::client::Grpc;
use tonic::service::Routes;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

use self::greeter::{Greeter, Greeting, Name};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("--call") => call(args.next().unwrap_or_else(|| "World".to_owned())).await,
        _ => serve().await,
    }
}

async fn serve() -> Result<(), BoxError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<Greeter>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_file_descriptor_set(greeter::described())
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let routes = Routes::new(Greeter).add_service(health).add_service(reflection);
    // What is not gRPC goes to the application.
    let routes = Routes::from(routes.into_axum_router().fallback_service(ToTower::new(plain)));
    let app = Counter::new(gateway_tower::tonic::application(routes.prepare()));
    let counts = app.counts();
    // A stream may wait as long as it likes for what comes next.
    let server = Server::builder().body_read_timeout(None).bind(ADDRESS).await?;
    println!("serving on {}", server.local_addr());
    server.serve(app).await?;
    println!("served {} requests", counts.snapshot().requests);
    Ok(())
}

async fn plain(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    Ok(send.text(200, format!("{} is plain HTTP\n", request.head().path_info())).await?)
}

async fn call(name: String) -> Result<(), BoxError> {
    let mut client = Grpc::new(Endpoint::from_shared(format!("http://{ADDRESS}"))?.connect().await?);
    let codec = ProstCodec::<Name, Greeting>::default;
    client.ready().await?;
    let greeted = tonic::Request::new(Name { name: name.clone() });
    let answer = client.unary(greeted, PathAndQuery::from_static(greeter::GREET), codec()).await?;
    println!("{}", answer.into_inner().text);

    client.ready().await?;
    let names = tokio_stream::iter([name, "again".to_owned()]).map(|name| Name { name });
    let path = PathAndQuery::from_static(greeter::GREET_ALL);
    let answer = client.streaming(tonic::Request::new(names), path, codec()).await?;
    let mut greetings = answer.into_inner();
    while let Some(greeting) = greetings.message().await? {
        println!("{}", greeting.text);
    }
    Ok(())
}

const ADDRESS: &str = "127.0.0.1:8000";

/// The service `hello.Greeter`.
mod greeter {
    use std::convert::Infallible;
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use gateway_iface::http;
    use prost_types::field_descriptor_proto::{Label, Type};
    use prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
        ServiceDescriptorProto,
    };
    use tokio_stream::{Stream, StreamExt as _};
    use tonic::body::Body;
    use tonic::server::NamedService;
    use tonic::{Request, Response, Status, Streaming};
    use tonic_prost::ProstCodec;
    use tower::service_fn;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Name {
        #[prost(string, tag = "1")]
        pub(crate) name: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Greeting {
        #[prost(string, tag = "1")]
        pub(crate) text: String,
    }

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Greeter;

    async fn greet(request: Request<Name>) -> Result<Response<Greeting>, Status> {
        let from = request.remote_addr().map(|addr| addr.ip().to_string()).unwrap_or_default();
        Ok(Response::new(Greeting { text: format!("Hello, {} at {from}!", request.into_inner().name) }))
    }

    async fn greet_all(request: Request<Streaming<Name>>) -> Result<Response<Greetings>, Status> {
        let greetings = request
            .into_inner()
            .map(|name| name.map(|name| Greeting { text: format!("Hello, {}!", name.name) }));
        Ok(Response::new(Box::pin(greetings)))
    }

    type Greetings = Pin<Box<dyn Stream<Item = Result<Greeting, Status>> + Send>>;

    impl NamedService for Greeter {
        const NAME: &'static str = "hello.Greeter";
    }

    impl tower::Service<http::Request<Body>> for Greeter {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<Body>) -> Self::Future {
            Box::pin(async move {
                let mut grpc = tonic::server::Grpc::new(ProstCodec::<Greeting, Name>::default());
                Ok(match request.uri().path() {
                    GREET => grpc.unary(service_fn(greet), request).await,
                    GREET_ALL => grpc.streaming(service_fn(greet_all), request).await,
                    _ => Status::unimplemented("no such method").into_http(),
                })
            })
        }
    }

    /// What reflection tells of it.
    pub(crate) fn described() -> FileDescriptorSet {
        let text = |name: &str| Some(name.to_owned());
        let message = |name: &str, field: &str| DescriptorProto {
            name: text(name),
            field: vec![FieldDescriptorProto {
                name: text(field),
                number: Some(1),
                label: Some(Label::Optional.into()),
                r#type: Some(Type::String.into()),
                ..Default::default()
            }],
            ..Default::default()
        };
        let method = |name: &str, streams: bool| MethodDescriptorProto {
            name: text(name),
            input_type: text(".hello.Name"),
            output_type: text(".hello.Greeting"),
            client_streaming: Some(streams),
            server_streaming: Some(streams),
            ..Default::default()
        };
        let service = ServiceDescriptorProto {
            name: text("Greeter"),
            method: vec![method("Greet", false), method("GreetAll", true)],
            options: None,
        };
        let file = FileDescriptorProto {
            name: text("hello.proto"),
            package: text("hello"),
            message_type: vec![message("Name", "name"), message("Greeting", "text")],
            service: vec![service],
            syntax: text("proto3"),
            ..Default::default()
        };
        FileDescriptorSet { file: vec![file] }
    }

    pub(crate) const GREET: &str = "/hello.Greeter/Greet";
    pub(crate) const GREET_ALL: &str = "/hello.Greeter/GreetAll";
}
