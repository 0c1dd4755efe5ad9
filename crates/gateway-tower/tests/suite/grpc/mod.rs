//! gRPC: services of tonic's on the native server, called by tonic's own client.

mod beside;
mod calls;
mod flow;
mod known;
mod loss;
mod servers;
mod service;
