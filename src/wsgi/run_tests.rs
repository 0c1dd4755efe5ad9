use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;

use super::*;
use crate::outcome::{Observe, Outcome};
use crate::wsgi::{Body, StartResponse};

#[derive(Default)]
pub(super) struct Memory {
    pub(super) heads: Vec<(u16, Option<u64>)>,
    pub(super) text: String,
    pub(super) events: Arc<Events>,
    /// Calls that succeed before the client is gone.
    pub(super) calls: Option<usize>,
    pub(super) panics: bool,
}

#[derive(Default)]
pub(super) struct Events {
    pub(super) pulls: AtomicUsize,
    /// Blocks with octets that were taken.
    pub(super) taken: AtomicUsize,
    pub(super) closes: AtomicUsize,
    pub(super) blocks: AtomicUsize,
}

impl Memory {
    fn call(&mut self) -> io::Result<()> {
        assert!(!self.panics, "the transport panics");
        match &mut self.calls {
            Some(0) => Err(io::ErrorKind::BrokenPipe.into()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Transport for Memory {
    fn head(&mut self, status: StatusCode, _: HeaderMap, length: Option<u64>) -> io::Result<()> {
        assert!(self.heads.is_empty(), "second head");
        self.call()?;
        self.heads.push((status.as_u16(), length));
        Ok(())
    }

    fn block(&mut self, data: Bytes) -> io::Result<()> {
        assert!(!self.heads.is_empty() && !data.is_empty());
        self.call()?;
        self.text.push_str(std::str::from_utf8(&data).unwrap());
        self.events.blocks.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// An application: what it does first, and the blocks it returns; `Err("panic")` panics.
pub(super) struct App<F> {
    begin: F,
    pub(super) blocks: Vec<Result<&'static str, &'static str>>,
    pub(super) events: Arc<Events>,
}

impl<F> Application for App<F>
where
    F: Fn(&mut dyn StartResponse) -> Result<(), Error> + Send + Sync,
{
    fn call(&self, _: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        (self.begin)(start_response)?;
        let (pulls, closes) = (Arc::clone(&self.events), Arc::clone(&self.events));
        let blocks = self.blocks.clone().into_iter().map(move |block| {
            pulls.pulls.fetch_add(1, Ordering::SeqCst);
            assert_eq!(pulls.closes.load(Ordering::SeqCst), 0, "pulled after close");
            let taken = pulls
                .taken
                .fetch_add(usize::from(block.is_ok_and(|block| !block.is_empty())), Ordering::SeqCst);
            assert!(pulls.blocks.load(Ordering::SeqCst) >= taken, "W-17: block held back");
            assert_ne!(block, Err("panic"), "panic while iterating");
            block.map(Bytes::from).map_err(Error::new)
        });
        Ok(Body::try_blocks(blocks).on_close(move || {
            closes.closes.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }))
    }
}

pub(super) fn ok(start_response: &mut dyn StartResponse) -> Result<(), Error> {
    start_response.start(StatusCode::OK, HeaderMap::new())
}

pub(super) fn with_length(length: u64) -> impl Fn(&mut dyn StartResponse) -> Result<(), Error> + Send + Sync {
    move |start_response| {
        start_response.start(StatusCode::OK, [(header::CONTENT_LENGTH, length.into())].into_iter().collect())
    }
}

pub(super) fn environ(method: &str) -> Environ {
    Environ::from_request(Request::builder().method(method).body("").unwrap())
}

/// Runs it and checks that the body was closed once, if the application returned one.
pub(super) fn drive<F>(
    begin: F,
    blocks: &[Result<&'static str, &'static str>],
    mut memory: Memory,
    closes: usize,
) -> (Memory, Result<(), RunError>)
where
    F: Fn(&mut dyn StartResponse) -> Result<(), Error> + Send + Sync,
{
    let app = App { begin, blocks: blocks.to_vec(), events: Arc::clone(&memory.events) };
    let result = run(&app, environ("GET"), &mut memory);
    assert_eq!(memory.events.closes.load(Ordering::SeqCst), closes, "closes");
    (memory, result)
}

pub(super) fn memory(calls: usize) -> Memory {
    Memory { calls: Some(calls), ..Memory::default() }
}

/// W-19: the transport gets no empty block.
#[test]
fn w_12_w_17_w_105_blocks_go_out_in_order_and_the_body_is_closed() {
    let (memory, result) = drive(ok, &[Ok(""), Ok("one "), Ok(""), Ok("two")], Memory::default(), 1);
    result.unwrap();
    assert_eq!(memory.heads, [(200, None)]);
    assert_eq!(memory.text, "one two");
}

#[test]
fn w_126_w_127_length_is_given_for_one_block_and_for_none() {
    for (blocks, length) in [(&[Ok("four")][..], 4), (&[Ok(""), Ok("four")], 4), (&[Ok("")], 0), (&[], 0)] {
        let (memory, result) = drive(ok, blocks, Memory::default(), 1);
        result.unwrap();
        assert_eq!(memory.heads, [(200, Some(length))], "{blocks:?}");
    }
}

/// Blocks that are said to be over before they are.
struct Understated(std::slice::Iter<'static, &'static str>);

impl Iterator for Understated {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        self.0.next().copied()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(0))
    }
}

#[test]
fn w_10_h_85_no_block_follows_the_one_that_the_length_was_taken_from() {
    for blocks in [&["one", "two", "three"][..], &["one", "", "three"], &["", "two"]] {
        let mut memory = Memory::default();
        let app = |_: Environ, start_response: &mut dyn StartResponse| {
            ok(start_response)?;
            Ok(Body::blocks(Understated(blocks.iter())))
        };
        run(&app, environ("GET"), &mut memory).unwrap();
        assert_eq!(memory.heads, [(200, Some(memory.text.len() as u64))], "{blocks:?}");
    }
}

/// W-12: the body is closed all the same.
#[test]
fn w_122_iteration_stops_at_the_declared_length() {
    let (memory, result) = drive(with_length(8), &[Ok("1234"), Ok("56"), Ok("7890")], Memory::default(), 1);
    result.unwrap();
    assert_eq!((memory.text.as_str(), memory.heads[0]), ("12345678", (200, Some(8))));
    let (memory, result) = drive(with_length(4), &[Ok("1234"), Ok("5678")], Memory::default(), 1);
    result.unwrap();
    assert_eq!(memory.events.pulls.load(Ordering::SeqCst), 1);
}

#[test]
fn w_123_short_body_is_answered_or_aborted() {
    let (memory, result) = drive(with_length(9), &[Ok("1234")], Memory::default(), 1);
    assert!(result.unwrap_err().is_answered());
    assert_eq!(memory.heads, [(500, Some(21))]);
    let (memory, result) = drive(with_length(9), &[Ok("1234"), Ok("5")], Memory::default(), 1);
    let error = result.unwrap_err();
    assert!(error.is_aborted() && !error.is_disconnected());
    assert_eq!(memory.text, "12345");
}

#[test]
fn w_116_written_blocks_come_before_returned_ones() {
    let write = |start_response: &mut dyn StartResponse| {
        ok(start_response)?;
        Ok(start_response.write(b"written ")?)
    };
    let (memory, result) = drive(write, &[Ok("returned")], Memory::default(), 1);
    result.unwrap();
    assert_eq!((memory.text.as_str(), memory.heads[0]), ("written returned", (200, None)));
}

#[test]
fn w_119_error_of_a_surplus_write_keeps_its_rule() {
    let write = |start_response: &mut dyn StartResponse| {
        with_length(1)(start_response)?;
        Ok(start_response.write(b"12")?)
    };
    assert!(drive(write, &[], Memory::default(), 0).1.unwrap_err().is_answered());
}

#[test]
fn error_after_the_last_declared_octet_breaks_nothing_off() {
    let write = |start_response: &mut dyn StartResponse| {
        with_length(2)(start_response)?;
        start_response.write(b"12")?;
        Err(Error::new("late"))
    };
    let error = drive(write, &[], Memory::default(), 0).1.unwrap_err();
    assert!(!error.is_aborted() && !error.is_answered());
}

#[test]
fn w_129_head_gets_a_head_with_length_and_no_block() {
    let mut memory = Memory::default();
    let app = App { begin: ok, blocks: vec![Ok("four")], events: Arc::clone(&memory.events) };
    run(&app, environ("HEAD"), &mut memory).unwrap();
    assert_eq!((&memory.heads[..], memory.text.as_str()), (&[(200, Some(4))][..], ""));
    assert_eq!(memory.events.closes.load(Ordering::SeqCst), 1);
    let mut memory = Memory::default();
    let broken = |_: Environ, _: &mut dyn StartResponse| -> Result<Body, Error> { Err(Error::new("x")) };
    assert!(run(&broken, environ("HEAD"), &mut memory).unwrap_err().is_answered());
    assert_eq!((&memory.heads[..], memory.text.as_str()), (&[(500, Some(21))][..], ""));
}

#[test]
fn w_14_failing_close_does_not_spoil_a_whole_response() {
    let app = |fails: fn() -> Result<(), Error>, text: Result<&'static str, &'static str>| {
        move |_: Environ, start_response: &mut dyn StartResponse| {
            ok(start_response)?;
            Ok(Body::try_blocks([text.map_err(Error::new)]).on_close(fails))
        }
    };
    let fails: [fn() -> Result<(), Error>; 2] = [|| Err(Error::new("close")), || panic!("close")];
    for fails in fails {
        let mut memory = Memory::default();
        let error = run(&app(fails, Ok("whole")), environ("GET"), &mut memory).unwrap_err();
        assert!(error.is_close() && !error.is_aborted());
        assert_eq!(memory.text, "whole");
        let mut memory = Memory::default();
        let error = run(&app(fails, Err("broken")), environ("GET"), &mut memory).unwrap_err();
        assert_eq!((error.to_string(), error.is_answered()), ("broken".to_owned(), true));
        assert!(error.close_error().unwrap().to_string().ends_with("close"));
    }
}

#[test]
fn state_is_reused_across_requests() {
    let mut state = HeadState::default();
    for method in ["HEAD", "GET", "HEAD"] {
        let mut memory = Memory::default();
        let app = App { begin: ok, blocks: vec![Ok("x")], events: Arc::clone(&memory.events) };
        run_with(&app, environ(method), &mut memory, &mut state).unwrap();
        assert_eq!(memory.text, if method == "GET" { "x" } else { "" });
    }
}

#[test]
fn w_18_w_63_every_octet_passes_unchanged() {
    struct Octets(Vec<u8>);
    impl Transport for Octets {
        fn head(&mut self, _: StatusCode, _: HeaderMap, _: Option<u64>) -> io::Result<()> {
            Ok(())
        }
        fn block(&mut self, data: Bytes) -> io::Result<()> {
            self.0.extend(data);
            Ok(())
        }
    }
    let all: Vec<u8> = (0..=255).chain(*b"Foo: bar\r\n\r\n").collect();
    let app = |mut environ: Environ, start_response: &mut dyn StartResponse| {
        ok(start_response)?;
        start_response.write(&environ.input().read_all(1000)?)?;
        Ok(Body::empty())
    };
    let mut octets = Octets(Vec::new());
    run(&app, Environ::from_request(Request::post("/").body(all.clone()).unwrap()), &mut octets).unwrap();
    assert_eq!(octets.0, all);
}

#[test]
fn observers_learn_the_outcome_once_on_every_path() {
    #[derive(Default)]
    struct Last(Mutex<Vec<Outcome>>);
    impl Observe for Last {
        fn finished(&self, outcome: &Outcome) {
            self.0.lock().unwrap().push(outcome.clone());
        }
    }
    let whole = (Memory::default(), Ok("four"), (4, true, None));
    let broken = (Memory::default(), Err("broken"), (0, false, None));
    let gone = (memory(0), Ok("four"), (4, false, Some(Disconnect::Client)));
    for (mut memory, block, expected) in [whole, broken, gone] {
        let last = Arc::new(Last::default());
        let observer = Arc::clone(&last);
        let app = move |_: Environ, start_response: &mut dyn StartResponse| {
            start_response.observe(observer.clone());
            ok(start_response)?;
            Ok(Body::try_blocks([block.map_err(Error::new)]))
        };
        let _ = run(&app, environ("GET"), &mut memory);
        let told = last.0.lock().unwrap();
        let Outcome { bytes, complete, disconnect, .. } = &told[0];
        assert_eq!((told.len(), (*bytes, *complete, *disconnect)), (1, expected));
    }
}

#[test]
fn a_71_h_86_message_ends_once_before_the_body_is_closed_and_never_where_it_is_cut() {
    #[derive(Clone, Default)]
    struct Order(Arc<Mutex<Vec<&'static str>>>);

    impl Order {
        fn tell(&self, what: &'static str) -> io::Result<()> {
            self.0.lock().unwrap().push(what);
            Ok(())
        }
    }

    impl Transport for Order {
        fn head(&mut self, _: StatusCode, _: HeaderMap, _: Option<u64>) -> io::Result<()> {
            self.tell("head")
        }

        fn block(&mut self, _: Bytes) -> io::Result<()> {
            self.tell("block")
        }

        fn end(&mut self) -> io::Result<()> {
            self.tell("end")
        }
    }

    for (method, blocks, expected) in [
        ("GET", vec![Ok("a"), Ok("b")], &["head", "block", "block", "end", "close"][..]),
        ("GET", vec![], &["head", "end", "close"]),
        ("HEAD", vec![Ok("a"), Ok("b")], &["head", "end", "close"]),
        ("GET", vec![Ok("a"), Err(Error::new("cut"))], &["head", "block", "close"]),
        ("GET", vec![Err(Error::new("answered"))], &["close", "head", "block", "end"]),
    ] {
        let mut order = Order::default();
        let closed = order.clone();
        let blocks = Mutex::new(Some(blocks));
        let app = move |_: Environ, start_response: &mut dyn StartResponse| {
            start_response.start(StatusCode::OK, HeaderMap::new())?;
            let (closed, blocks) = (closed.clone(), blocks.lock().unwrap().take().unwrap_or_default());
            Ok(Body::try_blocks(blocks).on_close(move || Ok(closed.tell("close")?)))
        };
        let _ = run(&app, environ(method), &mut order);
        assert_eq!(*order.0.lock().unwrap(), expected, "{method}");
    }
}
