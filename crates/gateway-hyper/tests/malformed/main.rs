//! Malformed and ambiguous requests, each with the answer that is right: none reaches the application that
//! must not, and nothing is read after a fault.
//!
//! The cases are in the text files beside; `table` says how they are written.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answer;
mod calls;
mod client;
mod files;
mod judge;
mod table;

use std::collections::HashSet;
use std::net::SocketAddr;

use gateway_hyper::Server;
use gateway_iface::validate::{OnViolation, Validator};
use gateway_iface::{Error, asgi};

use crate::answer::Answer;
use crate::calls::Calls;
use crate::judge::{Verdict, judge};
use crate::table::{Case, read};

/// Answers every request, after its body or without it.
async fn answer(
    calls: Calls,
    reads: bool,
    scope: asgi::Scope,
    mut receive: asgi::Receive,
    mut send: asgi::Send,
) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let head = scope.head();
    let query = head.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    let target = format!("{}{query}", head.raw_path());
    let client = head.client().unwrap();
    let response = calls.begin(client, head.method().as_str(), &target, head.headers());
    if reads {
        calls.read(client, receive.body(1 << 20).await?);
    }
    Ok(send.respond(response).await?)
}

/// Runs a file: with requests as a whole and in pieces, by an application that reads bodies and by one that
/// leaves them.
fn run(text: &str) {
    let cases = read(text);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut failures, mut known) = (Vec::new(), HashSet::new());
    for (in_pieces, reads) in [(false, true), (true, true), (false, false), (true, false)] {
        let (calls, answers) = runtime.block_on(serve(&cases, in_pieces, reads, &mut failures));
        for (case, (answer, client)) in cases.iter().zip(answers) {
            match judge(case, &answer, &calls.of(client), reads) {
                Verdict::Right => {}
                Verdict::Known => _ = known.insert(&*case.name),
                Verdict::Wrong(fault) => {
                    let way = if in_pieces { "in pieces" } else { "as a whole" };
                    let body = if reads { "read" } else { "left" };
                    failures.push(format!("{} ({way}, {body}): {fault}", case.name));
                }
            }
        }
    }
    for case in cases.iter().filter(|case| case.today.is_some() && !known.contains(&*case.name)) {
        failures.push(format!("{}: is right now, its `!` can go", case.name));
    }
    assert!(failures.is_empty(), "{} are wrong:\n{}", failures.len(), failures.join("\n"));
}

/// Sends the cases to a server; what it was called with, and what came of each case.
async fn serve(
    cases: &[Case],
    in_pieces: bool,
    reads: bool,
    failures: &mut Vec<String>,
) -> (Calls, Vec<(Answer, SocketAddr)>) {
    let calls = Calls::default();
    let app = {
        let calls = calls.clone();
        move |scope, receive, send| answer(calls.clone(), reads, scope, receive, send)
    };
    let app = Validator::new(app).on_violation(OnViolation::Collect);
    let violations = app.violations();
    let server = Server::builder().signals(false).bind("127.0.0.1:0").await.unwrap();
    let (addr, handle) = (server.local_addr().tcp().unwrap(), server.handle());
    let serving = tokio::spawn(server.serve(app));
    let outcomes = client::send_all(addr, cases, in_pieces).await;
    let answers = outcomes.into_iter().map(|outcome| (outcome.answer, outcome.client)).collect();
    handle.shutdown();
    serving.await.unwrap().unwrap();
    failures.extend(violations.take().into_iter().map(|violation| violation.to_string()));
    (calls, answers)
}

#[test]
fn h_02_h_03_h_04_h_07_h_08_h_16_request_lines() {
    run(files::REQUEST_LINE);
}

#[test]
fn h_10_h_12_h_13_h_14_h_15_h_21_targets() {
    run(files::TARGET);
}

#[test]
fn h_18_h_19_hosts() {
    run(files::HOST);
}

#[test]
fn h_05_h_23_h_24_h_25_h_26_h_27_h_28_h_29_h_32_h_33_h_34_h_35_fields() {
    run(files::FIELDS);
}

#[test]
fn h_43_h_44_h_45_h_46_h_47_h_49_lengths() {
    run(files::CONTENT_LENGTH);
}

#[test]
fn h_36_h_38_h_39_h_40_h_41_codings() {
    run(files::TRANSFER_ENCODING);
}

#[test]
fn h_37_h_42_conflicts() {
    run(files::CONFLICTS);
}

#[test]
fn h_50_h_52_chunks() {
    run(files::CHUNKS);
}

#[test]
fn h_51_h_53_h_54_trailers() {
    run(files::TRAILERS);
}

#[test]
fn h_57_h_58_h_59_h_60_h_62_h_94_h_106_versions_and_expectations() {
    run(files::VERSIONS);
}

#[test]
fn h_95_h_97_h_98_h_103_sequences() {
    run(files::SEQUENCES);
}

#[test]
fn h_11_h_30_h_31_limits() {
    run(files::LIMITS);
}

#[test]
fn the_table_is_large_and_names_each_case_once() {
    let cases: Vec<_> = files::ALL.iter().flat_map(|text| read(text)).collect();
    assert!(cases.len() >= 700, "{}", cases.len());
    assert!(cases.iter().filter(|case| case.binds).count() >= 600);
    let mut names = HashSet::new();
    for case in &cases {
        assert!(names.insert(&*case.name), "{} is there twice", case.name);
        let is_rule = |rule: &String| {
            rule.strip_prefix("H-")
                .and_then(|number| number.parse().ok())
                .is_some_and(|id| (1..=113).contains(&id))
        };
        assert!(case.rules.iter().all(is_rule), "{}: {:?}", case.name, case.rules);
    }
}
