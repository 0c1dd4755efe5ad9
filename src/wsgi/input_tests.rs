use http::StatusCode;

use super::*;
use crate::error::Error;

/// Gives its parts one by one; `None` is an end, after which more would follow.
struct Parts(Vec<io::Result<&'static [u8]>>);

impl Read for Parts {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        unreachable!("an input reads by fill_buf")
    }
}

impl BufRead for Parts {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.0.first().is_some_and(Result::is_err) {
            return self.0.remove(0);
        }
        Ok(self.0.first().map_or(&[], |part| part.as_ref().unwrap()))
    }
    fn consume(&mut self, len: usize) {
        let Some(Ok(part)) = self.0.first_mut() else { return };
        *part = &part[len..];
        if part.is_empty() {
            drop(self.0.remove(0));
        }
    }
}

fn parts(parts: &[&'static str], length: Option<u64>) -> Input {
    Input::new(Parts(parts.iter().map(|part| Ok(part.as_bytes())).collect()), length)
}

fn inputs(text: &'static str) -> [Input; 3] {
    let whole = Bytes::from_static(text.as_bytes());
    let single = Parts((0..text.len()).map(|at| Ok(&text.as_bytes()[at..=at])).collect());
    [Input::from_bytes(whole), Input::new(single, None), Input::new(text.as_bytes(), Some(text.len() as u64))]
}

#[test]
fn w_75_w_76_nothing_beyond_the_declared_length_is_handed_out() {
    let mut input = parts(&["abc", "defGET /next"], Some(6));
    assert_eq!(input.read_all(100).unwrap(), "abcdef");
    assert_eq!(input.remaining(), Some(0));
    assert!(input.fill_buf().unwrap().is_empty());
}

#[test]
fn w_77_ended_input_stays_at_its_end() {
    // The second part stands for a reader that would go on after its end.
    let mut input = parts(&["abc", "", "more"], None);
    assert_eq!(input.read_all(100).unwrap(), "abc");
    for mut input in [input, Input::empty(), parts(&["next request"], Some(0))] {
        for _ in 0..3 {
            assert_eq!(input.read(&mut [0; 4]).unwrap(), 0);
            assert!(input.read_line_limited(9).unwrap().is_empty());
        }
    }
}

#[test]
fn w_82_cut_body_is_an_error_at_every_further_read() {
    let mut input = parts(&["abc"], Some(5));
    assert_eq!(input.read(&mut [0; 8]).unwrap(), 3);
    for _ in 0..3 {
        assert_eq!(input.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(input.read_all(100).is_err());
    }
    let mut input = Input::new(Parts(vec![Ok(b"ab"), Err(io::ErrorKind::ConnectionReset.into())]), None);
    assert!(input.read_all(100).is_err());
    assert!(Error::from(input.read_all(100).unwrap_err()).is_disconnected());
}

#[test]
fn w_82_later_errors_mean_the_same_as_the_first() {
    use crate::asgi::Disconnect;
    let failing = |error: io::Error| Input::new(Parts(vec![Err(error)]), None);
    let mut gone = failing(io::Error::new(io::ErrorKind::ConnectionReset, Disconnect::Client));
    let mut too_long = failing(io::Error::other(InputTooLong(BodyLimitError::new(4))));
    for _ in 0..3 {
        let error = gone.fill_buf().unwrap_err();
        assert!(error.get_ref().unwrap().is::<Disconnect>());
        assert!(crate::wsgi::is_lost_input(&Error::from(error)));
        let error = Error::from(too_long.fill_buf().unwrap_err());
        assert_eq!(error.find::<BodyLimitError>().unwrap().limit(), 4);
        assert_eq!(error.status(), Some(StatusCode::PAYLOAD_TOO_LARGE));
    }
}

/// W-67: reading.
#[test]
fn w_69_read_may_be_short_and_read_full_is_not() {
    let mut input = parts(&["ab", "cd", "e"], None);
    let mut buffer = [0; 4];
    assert_eq!(input.read(&mut buffer).unwrap(), 2);
    assert_eq!(input.read(&mut []).unwrap(), 0);
    assert_eq!(input.read_full(&mut buffer).unwrap(), 3);
    assert_eq!(&buffer[..3], b"cde");
    assert_eq!(input.read_full(&mut buffer).unwrap(), 0);
    for mut input in inputs("abcdef") {
        assert_eq!(input.read_full(&mut buffer).unwrap(), 4);
    }
}

#[test]
fn interrupted_reads_go_on() {
    let interrupted = || Err(io::ErrorKind::Interrupted.into());
    let reader = || Parts(vec![interrupted(), Ok(&b"a\nb"[..]), interrupted()]);
    assert_eq!(Input::new(reader(), None).read_all(9).unwrap(), "a\nb");
    assert_eq!(Input::new(reader(), None).read_line_limited(9).unwrap(), "a\n");
    assert_eq!(Input::new(reader(), None).read_full(&mut [0; 9]).unwrap(), 3);
}

/// W-67: reading lines.
#[test]
fn w_71_w_72_lines_end_with_lf_and_stop_at_the_limit() {
    for mut input in inputs("ab\n\ncdef\r\nlast") {
        let mut line = |limit| input.read_line_limited(limit).unwrap();
        assert_eq!(line(9), "ab\n");
        assert_eq!(line(9), "\n");
        assert_eq!(line(3), "cde");
        assert_eq!(line(0), "");
        assert_eq!(line(3), "f\r\n");
        assert_eq!(line(usize::MAX), "last");
        assert_eq!(line(9), "");
    }
}

/// W-67, W-73: all lines that remain.
#[test]
fn w_74_iteration_gives_the_same_as_repeated_read_line() {
    for limit in [1, 3, usize::MAX] {
        for (mut one, mut two) in inputs("a\nbcde\n\nf").into_iter().zip(inputs("a\nbcde\n\nf")) {
            let lines: Vec<_> = one.octet_lines(limit).map(Result::unwrap).collect();
            for line in &lines {
                assert_eq!(two.read_line_limited(limit).unwrap(), line);
            }
            assert!(two.read_line_limited(limit).unwrap().is_empty());
            assert_eq!(lines.concat(), b"a\nbcde\n\nf");
        }
    }
}

#[test]
fn w_70_read_all_stops_at_its_limit_with_413() {
    for mut input in inputs("abcdef") {
        let error = Error::from(input.read_all(5).unwrap_err());
        assert_eq!(error.status(), Some(StatusCode::PAYLOAD_TOO_LARGE));
    }
    for mut input in inputs("abcdef") {
        assert_eq!(input.read_all(6).unwrap(), "abcdef");
    }
}
