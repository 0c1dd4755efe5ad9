use super::super::inflate::Inflater;
use super::*;

fn deflated(deflater: &mut Deflater, payload: &[u8]) -> Option<Vec<u8>> {
    let mut out = None;
    let compressed = deflater.deflate(payload, |octets| out = Some(octets.to_vec()));
    assert_eq!(compressed, out.is_some());
    out
}

fn inflated(inflater: &mut Inflater, octets: &[u8], piece: usize, limit: usize) -> Result<Vec<u8>, u16> {
    let mut message = Vec::new();
    let mut inflate = || {
        for piece in octets.chunks(piece.max(1)) {
            inflater.push(piece, &mut message, limit)?;
        }
        inflater.finish(&mut message, limit)
    };
    inflate().map_err(|failure| failure.code)?;
    Ok(message)
}

/// Octets that repeat a little.
fn payload(len: usize) -> Vec<u8> {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 28) as u8 + b'a'
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn s_62_messages_come_back_as_they_were_with_and_without_context() {
    for context in [false, true] {
        for bits in [9, 12, 15] {
            let pool = Pool::default();
            let mut deflater = Deflater::new(pool.clone(), bits, context);
            let mut inflater = Inflater::new(pool, context);
            for len in [64, 65, 1000, 16 * 1024, 100_000, 1000, 1000] {
                let payload = payload(len);
                let Some(out) = deflated(&mut deflater, &payload) else {
                    assert!(!context && len < 100, "{len}");
                    continue;
                };
                assert!(out.len() < len + 10);
                for piece in [usize::MAX, 1 + len / 7] {
                    let mut again = Inflater::new(Pool::default(), context);
                    let inflater = if context { &mut inflater } else { &mut again };
                    assert_eq!(inflated(inflater, &out, piece, len), Ok(payload.clone()), "{bits} {len}");
                    if context {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn s_62_context_makes_messages_that_are_alike_smaller() {
    let len = |context| {
        let mut deflater = Deflater::new(Pool::default(), 15, context);
        let payload = payload(1000);
        deflated(&mut deflater, &payload).unwrap();
        deflated(&mut deflater, &payload).unwrap().len()
    };
    assert!(len(true) < 50, "{}", len(true));
    assert!(len(false) > 300, "{}", len(false));
}

#[test]
fn s_62_vectors_of_rfc_7692_are_inflated() {
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    let mut inflater = Inflater::new(Pool::default(), true);
    assert_eq!(inflated(&mut inflater, hello, 1, 5).unwrap(), b"Hello");
    assert_eq!(inflated(&mut inflater, b"\xf2\x00\x11\x00\x00", 9, 5).unwrap(), b"Hello", "its context");
    let mut inflater = Inflater::new(Pool::default(), false);
    assert_eq!(
        inflated(&mut inflater, b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 9, 5).unwrap(),
        b"Hello"
    );
    assert_eq!(
        inflated(&mut inflater, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 9, 5).unwrap(),
        b"Hello",
        "BFINAL"
    );
    assert_eq!(
        inflated(&mut inflater, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 9, 5).unwrap(),
        b"Hello"
    );
    assert_eq!(inflated(&mut inflater, b"\x00", 9, 0).unwrap(), b"");
}

#[test]
fn s_40_s_62_what_becomes_too_large_is_refused_before_it_is_large() {
    let huge = vec![0; 10_000_000];
    let small = deflated(&mut Deflater::new(Pool::default(), 15, false), &huge).unwrap();
    assert!(small.len() < 100_000);
    let mut inflater = Inflater::new(Pool::default(), false);
    let mut message = Vec::new();
    assert_eq!(inflater.push(&small, &mut message, 100_000).unwrap_err().code, 1009);
    assert!(message.capacity() < 1_000_000, "{}", message.capacity());
}

#[test]
fn s_62_octets_that_are_no_deflate_stream_are_refused() {
    assert_eq!(inflated(&mut Inflater::new(Pool::default(), false), b"\xff\xff\xff\xff", 9, 100), Err(1002));
}

#[test]
fn short_and_dense_messages_go_out_as_they_are() {
    let mut deflater = Deflater::new(Pool::default(), 15, false);
    assert_eq!(deflated(&mut deflater, &[b'a'; 63]), None);
    let dense: Vec<u8> = (0..=255).collect();
    assert_eq!(deflated(&mut deflater, &dense), None);
}
