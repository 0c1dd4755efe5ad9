//! The services that tonic brings: health and reflection.

use prost::Message as _;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::servers::{Ours, connect, on_both_runtimes};
use super::service::Notes;

/// what is told while a stream waits comes at once.
#[test]
fn a_69_health_is_watched() {
    on_both_runtimes(async || {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<Notes>().await;
        let server = Ours::start(gateway_tower::tonic::application(Routes::new(health).prepare())).await;
        let mut client = HealthClient::new(connect(server.addr).await);
        let asked = || HealthCheckRequest { service: "suite.Notes".to_owned() };
        let answer = client.check(asked()).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
        let unknown = client.check(HealthCheckRequest { service: "none".to_owned() }).await;
        assert_eq!(unknown.unwrap_err().code(), tonic::Code::NotFound);

        let mut told = client.watch(asked()).await.unwrap().into_inner();
        assert_eq!(told.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
        reporter.set_not_serving::<Notes>().await;
        assert_eq!(told.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        drop((told, client));
        server.stop().await;
    });
}

#[test]
fn reflection_tells_of_services() {
    on_both_runtimes(async || {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_file_descriptor_set(described())
            .build_v1()
            .unwrap();
        let server = Ours::start(gateway_tower::tonic::application(Routes::new(reflection).prepare())).await;
        let mut client = ServerReflectionClient::new(connect(server.addr).await);
        let (ask, asked) = mpsc::channel(1);
        let told = client.server_reflection_info(ReceiverStream::new(asked)).await.unwrap();
        let mut told = told.into_inner();
        let question =
            |message| ServerReflectionRequest { host: String::new(), message_request: Some(message) };

        ask.send(question(MessageRequest::ListServices(String::new()))).await.unwrap();
        let answer = told.message().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
        let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["grpc.reflection.v1.ServerReflection", "suite.Notes"]);

        ask.send(question(MessageRequest::FileContainingSymbol("suite.Notes".to_owned()))).await.unwrap();
        let answer = told.message().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::FileDescriptorResponse(files)) = answer else { panic!("{answer:?}") };
        let file = FileDescriptorProto::decode(&*files.file_descriptor_proto[0]).unwrap();
        assert_eq!(file, described().file[0]);

        drop(ask);
        assert_eq!(told.message().await.unwrap(), None);
        drop(client);
        server.stop().await;
    });
}

/// What a compiler of the protocol's files would tell of the service.
fn described() -> FileDescriptorSet {
    let method = |name: &str| MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(".suite.Note".to_owned()),
        output_type: Some(".suite.Note".to_owned()),
        ..Default::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("Notes".to_owned()),
        method: ["Unary", "Collect", "Repeat", "Chat"].map(method).to_vec(),
        options: None,
    };
    let message = DescriptorProto { name: Some("Note".to_owned()), ..Default::default() };
    let file = FileDescriptorProto {
        name: Some("suite.proto".to_owned()),
        package: Some("suite".to_owned()),
        message_type: vec![message],
        service: vec![service],
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    };
    FileDescriptorSet { file: vec![file] }
}
