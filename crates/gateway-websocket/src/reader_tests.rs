use super::*;

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..65536 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend(mask);
    frame.extend(payload.iter().enumerate().map(|(index, octet)| octet ^ mask[index % 4]));
    frame
}

/// All that is read, in pieces of this size.
fn read_with(reader: &mut Reader, octets: &[u8], piece: usize) -> Result<Vec<Incoming>, Failure> {
    let mut all = Vec::new();
    for piece in octets.chunks(piece) {
        let mut piece = piece.to_vec();
        let mut from = 0;
        while from < piece.len() {
            let (used, incoming) = reader.read(&mut piece[from..])?;
            from += used;
            all.extend(incoming);
        }
    }
    Ok(all)
}

fn read(octets: &[u8]) -> Result<Vec<Incoming>, u16> {
    let results: Vec<_> = [1, 2, 3, 7, 1000, usize::MAX]
        .into_iter()
        .map(|piece| read_with(&mut Reader::new(1000, 500, None), octets, piece))
        .map(|result| result.map_err(|failure| failure.code))
        .collect();
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "S-36: pieces make a difference: {results:?}");
    results[0].clone()
}

fn text(text: &str) -> Incoming {
    Incoming::Message(Message::from(text))
}

#[test]
fn s_36_s_37_messages_come_whole_and_in_order_whatever_the_pieces() {
    let octets = [
        frame(0x81, b"Hello"),
        frame(0x82, &[0xff; 300]),
        frame(0x81, b""),
        frame(0x01, b"Hel"),
        frame(0x00, b""),
        frame(0x00, b"l"),
        frame(0x80, b"o"),
        frame(0x02, b""),
        frame(0x80, b""),
    ];
    let binary = |octets: &[u8]| Incoming::Message(Message::Binary(Bytes::copy_from_slice(octets)));
    let expected = [text("Hello"), binary(&[0xff; 300]), text(""), text("Hello"), binary(b"")];
    assert_eq!(read(&octets.concat()).unwrap(), expected);
}

#[test]
fn s_35_control_frames_between_fragments_come_at_once() {
    let octets = [frame(0x01, b"Hel"), frame(0x89, b"ping"), frame(0x8a, b"pong"), frame(0x80, b"lo")];
    let ping = Incoming::Ping(b"ping".to_vec());
    assert_eq!(read(&octets.concat()).unwrap(), [ping, Incoming::Pong, text("Hello")]);
}

#[test]
fn s_34_fragments_out_of_order_are_refused() {
    assert_eq!(read(&frame(0x80, b"")), Err(1002));
    assert_eq!(read(&frame(0x00, b"")), Err(1002));
    assert_eq!(read(&[frame(0x01, b"a"), frame(0x81, b"b")].concat()), Err(1002));
    assert_eq!(read(&[frame(0x01, b"a"), frame(0x02, b"b")].concat()), Err(1002));
    assert_eq!(read(&[frame(0x01, b"a"), frame(0x80, b"b"), frame(0x80, b"c")].concat()), Err(1002));
}

#[test]
fn s_29_reserved_bit_without_an_extension_is_refused() {
    assert_eq!(read(&frame(0xc1, b"a")), Err(1002));
    assert_eq!(read(&frame(0xc9, b"a")), Err(1002));
    assert_eq!(read(&[frame(0x01, b"a"), frame(0xc0, b"b")].concat()), Err(1002));
}

#[test]
fn s_38_text_is_checked_over_its_fragments() {
    let smile = "κόσμε 😀".as_bytes();
    for cut in 0..=smile.len() {
        let octets = [frame(0x01, &smile[..cut]), frame(0x80, &smile[cut..])].concat();
        assert_eq!(read(&octets).unwrap(), [text("κόσμε 😀")], "{cut}");
    }
    for invalid in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ab\xce", b"\x80"] {
        assert_eq!(read(&frame(0x81, invalid)), Err(1007), "{invalid:?}");
        assert_eq!(read(&[frame(0x01, b"a"), frame(0x80, invalid)].concat()), Err(1007), "{invalid:?}");
    }
    assert_eq!(read(&frame(0x82, b"\xff")).map(|all| all.len()), Ok(1), "octets are not checked");
}

#[test]
fn s_39_text_that_cannot_become_valid_is_refused_before_it_is_complete() {
    let mut reader = Reader::new(1000, 500, None);
    let whole = frame(0x81, &[b"ab".as_slice(), b"\xf4\x90", &[b'c'; 100]].concat());
    assert_eq!(read_with(&mut reader, &whole[..10], 1).unwrap_err(), Failure::text());
    let mut reader = Reader::new(1000, 500, None);
    assert_eq!(read_with(&mut reader, &frame(0x01, b"ab\xff"), 100).unwrap_err(), Failure::text());
}

#[test]
fn s_40_limits_hold_for_a_frame_and_for_a_message() {
    assert_eq!(read(&frame(0x82, &[0; 500])).map(|all| all.len()), Ok(1));
    assert_eq!(read(&frame(0x82, &[0; 501])), Err(1009));
    let parts = |last: usize| [frame(0x02, &[0; 500]), frame(0x80, &vec![0; last])].concat();
    assert_eq!(read(&parts(500)).map(|all| all.len()), Ok(1));
    assert_eq!(
        read(&[frame(0x02, &[0; 500]), frame(0x00, &[0; 500]), frame(0x80, b"x")].concat()),
        Err(1009)
    );
}

#[test]
fn s_40_nothing_is_allocated_for_an_announced_length() {
    let mut reader = Reader::new(usize::MAX, usize::MAX, None);
    let mut head = [&[0x82, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4], b"abc"].concat();
    assert_eq!(reader.read(&mut head).unwrap(), (17, None));
    assert!(reader.message.capacity() < 100, "{}", reader.message.capacity());
}

#[test]
fn s_47_close_comes_with_what_it_says() {
    let close = |code, reason: &str| Incoming::Close(PeerClose { code, reason: reason.to_owned() });
    assert_eq!(read(&frame(0x88, b"")).unwrap(), [close(None, "")]);
    assert_eq!(read(&frame(0x88, b"\x03\xe8bye")).unwrap(), [close(Some(1000), "bye")]);
    assert_eq!(read(&frame(0x88, b"\x03")), Err(1002));
}
