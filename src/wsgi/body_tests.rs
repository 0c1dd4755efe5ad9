use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn counted(body: Body) -> (Body, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let body = body.on_close(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    (body, count)
}

fn concat(body: Body) -> Vec<u8> {
    body.flat_map(Result::unwrap).collect()
}

#[test]
fn w_13_close_runs_once_when_closed_and_once_when_dropped() {
    let (body, count) = counted(Body::from("x"));
    body.close().unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let (body, count) = counted(Body::from("x"));
    drop(body);
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let (mut body, count) = counted(Body::from("x"));
    assert!(body.by_ref().all(|block| block.is_ok()));
    assert_eq!(count.load(Ordering::SeqCst), 0);
    drop(body);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn closers_run_last_first_and_all_in_spite_of_an_error() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut body = Body::empty();
    for name in ["first", "second", "third"] {
        let order = Arc::clone(&order);
        body = body.on_close(move || {
            order.lock().unwrap().push(name);
            if name == "first" { Ok(()) } else { Err(Error::new(name)) }
        });
    }
    assert_eq!(body.close().unwrap_err().to_string(), "third");
    assert_eq!(*order.lock().unwrap(), ["third", "second", "first"]);
}

#[test]
fn w_12_panic_in_a_closer_leaves_the_others_to_run() {
    let (body, count) = counted(Body::empty());
    let body = body.on_close(|| resume_unwind(Box::new("boom")));
    assert!(catch_unwind(AssertUnwindSafe(|| body.close())).is_err());
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn panic_in_a_closer_during_unwinding_does_not_abort() {
    let (body, count) = counted(Body::empty());
    let body = body.on_close(|| panic!("second panic"));
    let caught = catch_unwind(AssertUnwindSafe(move || {
        let _body = body;
        panic!("first panic");
    }));
    assert_eq!(*caught.unwrap_err().downcast_ref::<&str>().unwrap(), "first panic");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn w_15_nothing_is_pulled_after_the_end_an_error_or_a_panic() {
    let pulls = Arc::new(AtomicUsize::new(0));
    for last in [None, Some(Err(Error::new("broken")))] {
        pulls.store(0, Ordering::SeqCst);
        let (mut last, counter) = (Some(last), Arc::clone(&pulls));
        let mut body = Body::try_blocks(std::iter::from_fn(move || -> Option<Result<Bytes, Error>> {
            counter.fetch_add(1, Ordering::SeqCst);
            last.take().unwrap()
        }));
        let _ = body.next();
        assert!(body.next().is_none() && body.next().is_none());
        assert_eq!(pulls.load(Ordering::SeqCst), 1);
    }
    let mut body = Body::blocks(std::iter::from_fn(|| -> Option<Bytes> { resume_unwind(Box::new(())) }));
    assert!(catch_unwind(AssertUnwindSafe(|| body.next())).is_err());
    assert!(body.next().is_none());
}

/// W-10: what is told is what is left.
#[test]
fn w_126_length_is_known_for_nothing_one_block_and_an_exhausted_list() {
    assert_eq!(Body::empty().exact_len(), Some(0));
    assert_eq!(Body::from("four").exact_len(), Some(4));
    let mut body = Body::blocks(["one"]);
    assert_eq!(body.exact_len(), None);
    assert!(body.next().is_some());
    assert_eq!(body.exact_len(), Some(0));
    assert_eq!(body.size_hint(), (0, Some(0)));
}

/// W-132: one block for each, empty ones too.
#[test]
fn w_134_mapped_body_keeps_close_and_gives_one_block_for_each() {
    let (body, count) = counted(Body::blocks(["a", "", "b"]));
    let mut body = body.map(|block| Ok(block.to_ascii_uppercase().into()));
    let blocks: Vec<_> = body.by_ref().map(Result::unwrap).collect();
    assert_eq!(blocks, ["A", "", "B"]);
    assert_eq!(count.load(Ordering::SeqCst), 0);
    body.close().unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

/// W-152: its end lets go of it.
#[test]
fn w_150_file_is_read_in_blocks_to_its_end_and_then_dropped() {
    struct Reads {
        results: Vec<io::Result<usize>>,
        _alive: Arc<()>,
    }
    impl Read for Reads {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = self.results.pop().unwrap()?;
            out[..len].fill(b'x');
            Ok(len)
        }
    }
    let alive = Arc::new(());
    let results = vec![Ok(0), Ok(1), Err(io::ErrorKind::Interrupted.into()), Ok(3)];
    let mut body = Body::file(Reads { results, _alive: Arc::clone(&alive) }, 0);
    let blocks: Vec<_> = body.by_ref().map(Result::unwrap).collect();
    assert_eq!(blocks, ["xxx", "x"]);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn w_153_file_starts_where_it_stands_when_first_read() {
    let mut file = io::Cursor::new(b"0123456789");
    file.set_position(7);
    assert_eq!(concat(Body::file(file, 2)), b"789");
}
