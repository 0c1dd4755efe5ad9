//! Applications that fail, and clients that leave.

use std::panic::resume_unwind;
use std::sync::atomic::Ordering;

use super::tests::*;
use super::*;
use crate::wsgi::{InvalidCall, StartResponse};

#[test]
fn w_138_w_139_failures_before_the_head_are_answered_with_a_generic_text() {
    let status = |status: u16| {
        move |_: &mut dyn StartResponse| {
            Err(Error::new("secret").with_status(StatusCode::from_u16(status).unwrap()))
        }
    };
    for (given, answered) in [(404, 404), (503, 503), (200, 500), (100, 500)] {
        let (memory, result) = drive(status(given), &[], Memory::default(), 0);
        assert!(result.unwrap_err().is_answered());
        assert_eq!(memory.heads[0].0, answered);
        assert!(!memory.text.contains("secret"));
    }
    let (memory, result) = drive(ok, &[Err("broken")], Memory::default(), 1);
    assert_eq!(result.unwrap_err().to_string(), "broken");
    assert_eq!((memory.heads[0].0, memory.text.as_str()), (500, "Internal Server Error"));
}

/// W-12: the body is closed all the same.
#[test]
fn w_09_response_never_started_is_answered_with_500() {
    let (memory, result) = drive(|_| Ok(()), &[], Memory::default(), 1);
    assert_eq!(result.unwrap_err().error().find::<InvalidCall>().unwrap().rule(), "W-09");
    assert_eq!(memory.heads[0].0, 500);
}

/// W-12: the body is closed all the same.
#[test]
fn w_138_panics_cost_their_own_request_only() {
    let (memory, result) = drive(|_| panic!("in the call"), &[], Memory::default(), 0);
    assert_eq!(result.unwrap_err().to_string(), "the application panicked: in the call");
    assert_eq!(memory.heads[0].0, 500);
    let (memory, result) = drive(ok, &[Err("panic")], Memory::default(), 1);
    assert!(result.unwrap_err().is_answered());
    assert_eq!(memory.heads[0].0, 500);
    let (_, result) = drive(ok, &[Ok("x"), Err("panic"), Ok("y")], Memory::default(), 1);
    assert!(result.unwrap_err().is_aborted());
    let (_, result) = drive(|_| resume_unwind(Box::new(7)), &[], Memory::default(), 0);
    assert!(result.unwrap_err().is_answered());
}

/// W-12: the body is closed all the same.
#[test]
fn w_140_failure_after_the_head_aborts() {
    let (memory, result) = drive(ok, &[Ok("sent"), Err("broken")], Memory::default(), 1);
    let error = result.unwrap_err();
    assert!(error.is_aborted() && !error.is_disconnected() && !error.is_answered());
    assert_eq!((memory.heads.len(), memory.text.as_str()), (1, "sent"));
}

/// W-12: at whichever call the loss is noticed.
#[test]
fn w_142_lost_client_closes_the_body_and_is_no_fault() {
    for calls in [0, 1, 2] {
        let (memory, result) = drive(ok, &[Ok("one"), Ok("two")], memory(calls), 1);
        let error = result.unwrap_err();
        assert!(error.is_disconnected() && error.is_aborted(), "{calls}");
        assert!(memory.events.pulls.load(Ordering::SeqCst) <= calls.max(1), "{calls}");
    }
}

#[test]
fn w_120_write_to_a_lost_client_fails_and_is_recognised_when_it_comes_back() {
    let write = |start_response: &mut dyn StartResponse| {
        ok(start_response)?;
        Ok(start_response.write(b"x")?)
    };
    assert!(drive(write, &[], memory(0), 0).1.unwrap_err().is_disconnected());
    let swallow = |start_response: &mut dyn StartResponse| {
        ok(start_response)?;
        assert!(start_response.write(b"x").is_err() && start_response.write(b"y").is_err());
        Ok(())
    };
    let (memory_after, result) = drive(swallow, &[Ok("never pulled")], memory(0), 1);
    assert!(result.unwrap_err().is_disconnected());
    assert_eq!(memory_after.events.pulls.load(Ordering::SeqCst), 0);
    let own_fault = move |start_response: &mut dyn StartResponse| {
        swallow(start_response)?;
        Err(Error::new("and a fault of its own"))
    };
    let error = drive(own_fault, &[], memory(0), 0).1.unwrap_err();
    assert!(error.is_aborted() && !error.is_disconnected());
}

#[test]
fn client_lost_while_the_input_is_read_is_no_fault_and_an_upstream_error_is_one() {
    let input = |_: &mut dyn StartResponse| {
        Err(io::Error::new(io::ErrorKind::ConnectionReset, Disconnect::Client).into())
    };
    let (memory, result) = drive(input, &[], Memory::default(), 0);
    assert!(result.unwrap_err().is_disconnected() && memory.heads.is_empty());
    let upstream = |_: &mut dyn StartResponse| Err(io::Error::from(io::ErrorKind::ConnectionReset).into());
    let (_, result) = drive(upstream, &[], Memory::default(), 0);
    assert!(result.unwrap_err().is_answered());
}

#[test]
fn w_141_failing_to_answer_ends_the_request_with_the_first_error() {
    let (_, result) = drive(|_| Err(Error::new("first")), &[], memory(0), 0);
    let error = result.unwrap_err();
    assert!(error.is_aborted() && !error.is_disconnected());
    assert_eq!(error.to_string(), "first");
    let panicking = Memory { panics: true, ..Memory::default() };
    assert!(drive(ok, &[Ok("x")], panicking, 1).1.unwrap_err().is_aborted());
}
