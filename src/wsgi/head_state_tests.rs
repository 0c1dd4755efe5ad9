use std::sync::Mutex;

use http::{HeaderValue, Request};

use super::*;
use crate::wsgi::InvalidHead;

fn request(method: &str) -> RequestHead {
    RequestHead::new(Request::builder().method(method).body(()).unwrap().into_parts().0)
}

fn get() -> HeadState {
    HeadState::new(&request("GET"))
}

fn started(method: &str, status: u16, length: Option<u64>) -> HeadState {
    let mut state = HeadState::new(&request(method));
    state.start(StatusCode::from_u16(status).unwrap(), length_headers(length)).unwrap();
    state
}

fn length_headers(length: Option<u64>) -> HeaderMap {
    length.map(|length| (header::CONTENT_LENGTH, HeaderValue::from(length))).into_iter().collect()
}

fn bad_headers() -> HeaderMap {
    HeaderMap::from_iter([(header::UPGRADE, HeaderValue::from_static("h2c"))])
}

fn rule<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().find::<InvalidCall>().unwrap().rule()
}

fn block(state: &mut HeadState, data: &'static str) -> (bool, Bytes, bool) {
    let admitted = state.admit(data.into()).unwrap();
    (admitted.head.is_some(), admitted.data, admitted.complete)
}

/// W-19, W-104: neither the start nor an empty block gives anything to send.
#[test]
fn w_105_empty_first_block_sends_nothing() {
    let mut state = started("GET", 200, None);
    assert_eq!(block(&mut state, ""), (false, "".into(), false));
    assert!(!state.is_head_sent());
    state.restart(StatusCode::BAD_GATEWAY, HeaderMap::new(), Error::new("late")).unwrap();
    let admitted = state.admit("data".into()).unwrap();
    assert_eq!(admitted.head.unwrap().status, StatusCode::BAD_GATEWAY);
    assert!(state.is_head_sent());
    assert_eq!(block(&mut state, "more"), (false, "more".into(), false));
}

#[test]
fn w_105_head_leaves_at_the_end_of_an_empty_body_with_length_zero() {
    let mut state = started("GET", 200, None);
    block(&mut state, "");
    assert_eq!(state.end().unwrap().unwrap().length, Some(0));
    assert!(state.end().unwrap().is_none());
}

#[test]
fn w_105_w_116_first_write_sends_the_head_even_when_empty() {
    let mut state = started("GET", 200, None);
    let admitted = state.write(Bytes::new()).unwrap();
    assert!(admitted.head.is_some() && admitted.data.is_empty());
    assert_eq!(block(&mut state, "body"), (false, "body".into(), false));
}

#[test]
fn w_127_no_length_zero_for_head_204_and_304() {
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        let head = started(method, status, None).end().unwrap().unwrap();
        assert_eq!(head.length, None, "{method} {status}");
    }
    assert_eq!(started("HEAD", 200, Some(7)).end().unwrap().unwrap().length, Some(7));
}

/// W-101: a bad head is refused by the call that brings it.
#[test]
fn w_106_second_start_is_an_error_even_after_a_failed_one() {
    assert_eq!(rule(started("GET", 200, None).start(StatusCode::OK, HeaderMap::new())), "W-106");
    let mut state = get();
    assert!(state.start(StatusCode::OK, bad_headers()).unwrap_err().find::<InvalidHead>().is_some());
    assert_eq!(rule(state.start(StatusCode::OK, HeaderMap::new())), "W-106");
    assert_eq!(rule(state.end()), "W-09");
}

#[test]
fn w_102_restart_helps_after_a_failed_start() {
    let mut state = get();
    assert!(state.start(StatusCode::CONTINUE, HeaderMap::new()).is_err());
    state.restart(StatusCode::OK, HeaderMap::new(), Error::new("x")).unwrap();
    assert!(state.end().unwrap().is_some());
}

#[test]
fn w_107_restart_drops_status_headers_and_length() {
    let mut state = started("GET", 204, Some(3));
    state.restart(StatusCode::OK, HeaderMap::new(), Error::new("x")).unwrap();
    let admitted = state.admit("longer".into()).unwrap();
    assert_eq!(admitted.data, "longer");
    assert!(admitted.head.unwrap().headers.is_empty());
}

#[test]
fn w_107_restart_that_is_invalid_leaves_no_head() {
    let mut state = started("GET", 200, None);
    assert!(state.restart(StatusCode::OK, bad_headers(), Error::new("x")).is_err());
    assert_eq!(rule(state.end()), "W-09");
}

#[test]
fn w_108_restart_may_come_first() {
    let mut state = get();
    state.restart(StatusCode::OK, HeaderMap::new(), Error::new("x")).unwrap();
    assert_eq!(rule(state.start(StatusCode::OK, HeaderMap::new())), "W-106");
}

#[test]
fn w_109_restart_after_the_head_returns_the_cause() {
    let mut state = started("GET", 200, None);
    block(&mut state, "x");
    let mut restart = || state.restart(StatusCode::OK, HeaderMap::new(), Error::new("cause")).unwrap_err();
    assert_eq!(restart().to_string(), "cause");
    state.end().unwrap();
    assert_eq!(rule(state.start(StatusCode::OK, HeaderMap::new())), "W-106");
}

#[test]
fn w_07_w_09_w_115_nothing_goes_before_the_start() {
    assert_eq!(rule(get().admit("x".into())), "W-07");
    assert_eq!(rule(get().admit(Bytes::new())), "W-07");
    assert_eq!(rule(get().write("x".into())), "W-115");
    assert_eq!(rule(get().end()), "W-09");
}

#[test]
fn w_113_calls_after_the_end_are_errors() {
    let mut state = started("GET", 200, None);
    state.end().unwrap();
    assert_eq!(rule(state.admit("x".into())), "W-113");
    assert_eq!(rule(state.write("x".into())), "W-113");
}

#[test]
fn w_122_surplus_is_cut_and_iteration_stops() {
    let mut state = started("GET", 200, Some(8));
    assert_eq!(block(&mut state, "1234"), (true, "1234".into(), false));
    assert_eq!(block(&mut state, "56"), (false, "56".into(), false));
    assert_eq!(block(&mut state, "7890"), (false, "78".into(), true));
    assert_eq!(block(&mut state, "x"), (false, "".into(), true));
    state.end().unwrap();
    assert!(started("GET", 200, Some(0)).is_complete());
}

#[test]
fn w_119_write_beyond_the_length_is_refused_whole() {
    let mut state = started("GET", 200, Some(4));
    assert_eq!(rule(state.write("12345".into())), "W-119");
    assert!(!state.is_head_sent());
    assert!(state.write("1234".into()).unwrap().complete);
    assert_eq!(rule(state.write("5".into())), "W-119");
    assert!(state.write(Bytes::new()).is_ok());
}

#[test]
fn w_123_short_body_is_an_error_before_and_after_the_head() {
    let mut state = started("GET", 200, Some(4));
    assert_eq!(rule(state.end()), "W-123");
    assert_eq!(rule(state.admit_last("123".into())), "W-123");
    assert!(!state.is_head_sent());
    block(&mut state, "123");
    assert_eq!(rule(state.end()), "W-123");
    assert!(state.is_head_sent() && !state.outcome().complete);
}

#[test]
fn w_126_last_block_gives_the_head_its_length() {
    let mut state = started("GET", 200, None);
    let admitted = state.admit_last("four".into()).unwrap();
    assert_eq!(admitted.head.unwrap().length, Some(4));
    let mut state = started("GET", 200, None);
    block(&mut state, "x");
    assert_eq!(state.admit_last("four".into()).unwrap().data, "four");
    assert_eq!(started("HEAD", 200, None).admit_last("four".into()).unwrap().head.unwrap().length, Some(4));
}

#[test]
fn w_129_head_204_and_304_have_no_octets_and_stop_after_the_head() {
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        let mut state = started(method, status, Some(9));
        assert_eq!(block(&mut state, "body"), (true, "".into(), true), "{method} {status}");
        state.end().unwrap();
        let mut state = started(method, status, Some(2));
        let admitted = state.write("body".into()).unwrap();
        assert!(admitted.complete && admitted.data.is_empty());
        let kept = admitted.head.unwrap().headers.contains_key(header::CONTENT_LENGTH);
        assert_eq!(kept, status != 204, "{method} {status}");
    }
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Observe for Log {
    fn block(&self, len: usize) {
        self.0.lock().unwrap().push(len.to_string());
    }
    fn finished(&self, outcome: &Outcome) {
        let Outcome { bytes, complete, disconnect, .. } = outcome;
        let status = outcome.status.map(|status| status.as_u16());
        self.0.lock().unwrap().push(format!("{status:?} {bytes} {complete} {disconnect:?}"));
    }
}

#[test]
fn observers_are_told_blocks_and_one_outcome() {
    let log = Arc::new(Log::default());
    let mut state = started("GET", 201, Some(6));
    state.observe(log.clone());
    block(&mut state, "12");
    block(&mut state, "");
    state.write("3".into()).unwrap();
    block(&mut state, "45678");
    state.end().unwrap();
    state.finish(None);
    state.finish(None);
    assert_eq!(*log.0.lock().unwrap(), ["2", "1", "Some(201) 6 true None"]);
}

#[test]
fn reset_tells_the_old_observers_and_forgets_the_old_response() {
    let log = Arc::new(Log::default());
    let mut state = started("HEAD", 200, Some(3));
    state.observe(log.clone());
    state.reset(&request("GET"));
    assert_eq!(*log.0.lock().unwrap(), ["Some(200) 0 false None"]);
    state.start(StatusCode::OK, HeaderMap::new()).unwrap();
    assert_eq!(block(&mut state, "body"), (true, "body".into(), false));
}
