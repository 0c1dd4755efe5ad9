//! Frames: their heads are tungstenite's, their payloads are not touched twice.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::close::Failure;

/// The head of a frame that a client sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) opcode: OpCode,
    pub(super) is_final: bool,
    /// Whether the message is compressed: RSV1 (S-62).
    pub(super) compressed: bool,
    pub(super) mask: [u8; 4],
    pub(super) len: u64,
}

impl Head {
    /// Reads a head from the front of the octets: it and its length, or `None` while it is incomplete.
    pub(super) fn parse(octets: &[u8]) -> Result<Option<(Self, usize)>, Failure> {
        let mut cursor = Cursor::new(octets);
        let parsed =
            FrameHeader::parse(&mut cursor).map_err(|_| Failure::protocol("an opcode that is reserved"))?;
        let Some((header, len)) = parsed else {
            return Ok(None);
        };
        let used = usize::try_from(cursor.position()).unwrap_or(MAX_HEAD);
        let Some(mask) = header.mask else {
            return Err(Failure::protocol("a frame without mask"));
        };
        // The shortest form has as many octets as writing this head would take (S-31).
        if header.len(len) != used || len > u64::MAX / 2 {
            return Err(Failure::protocol("a length that is not in its shortest form"));
        }
        if header.rsv2 || header.rsv3 {
            return Err(Failure::protocol("a reserved bit"));
        }
        if matches!(header.opcode, OpCode::Control(_)) {
            if !header.is_final {
                return Err(Failure::protocol("a control frame in fragments"));
            }
            if len > MAX_CONTROL {
                return Err(Failure::protocol("a control frame of more than 125 octets"));
            }
        }
        let FrameHeader { opcode, is_final, rsv1: compressed, .. } = header;
        Ok(Some((Self { opcode, is_final, compressed, mask, len }, used)))
    }
}

/// Appends a frame: whole, never masked (S-27, S-41).
pub(super) fn write(out: &mut Vec<u8>, opcode: OpCode, compressed: bool, payload: &[u8]) {
    let header = FrameHeader { opcode, rsv1: compressed, ..FrameHeader::default() };
    out.reserve(MAX_HEAD + payload.len());
    // Writing into memory does not fail.
    let _ = header.format(payload.len() as u64, out);
    out.extend_from_slice(payload);
}

/// Takes the mask off, or puts it on; `position` is how many octets of the frame came before (S-28).
pub(super) fn unmask(octets: &mut [u8], mask: [u8; 4], position: u64) {
    let key: [u8; 8] = std::array::from_fn(|index| mask[(position as usize + index) % 4]);
    let wide = u64::from_ne_bytes(key);
    let (words, rest) = octets.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (octet, key) in rest.iter_mut().zip(key) {
        *octet ^= key;
    }
}

pub(super) const TEXT: OpCode = OpCode::Data(Data::Text);
pub(super) const BINARY: OpCode = OpCode::Data(Data::Binary);
pub(super) const CLOSE: OpCode = OpCode::Control(Control::Close);
pub(super) const PING: OpCode = OpCode::Control(Control::Ping);
pub(super) const PONG: OpCode = OpCode::Control(Control::Pong);

/// No head is longer: two octets, eight of length, four of mask.
pub(super) const MAX_HEAD: usize = 14;
/// No control frame has more payload (S-32).
const MAX_CONTROL: u64 = 125;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(octets: &[u8]) -> Result<Option<(u64, usize)>, u16> {
        Head::parse(octets)
            .map(|head| head.map(|(head, used)| (head.len, used)))
            .map_err(|failure| failure.code)
    }

    #[test]
    fn s_26_s_28_vectors_of_the_text_are_read_and_unmasked_in_any_pieces() {
        let frame = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        for cut in 0..6 {
            assert_eq!(parse(&frame[..cut]), Ok(None), "{cut}");
        }
        let (head, used) = Head::parse(&frame).unwrap().unwrap();
        assert_eq!((head.opcode, head.len, used), (TEXT, 5, 6));
        for cut in 0..=5 {
            let mut payload = frame[6..].to_vec();
            let (first, second) = payload.split_at_mut(cut);
            unmask(first, head.mask, 0);
            unmask(second, head.mask, cut as u64);
            assert_eq!(payload, b"Hello");
        }
        assert_eq!(parse(&[0x81, 0x05, b'H', b'e', b'l', b'l', b'o']), Err(1002));
    }

    #[test]
    fn s_28_mask_of_a_long_payload_is_taken_off_octet_by_octet() {
        let mask = [1, 2, 4, 8];
        let plain: Vec<u8> = (0..100).collect();
        for position in 0..5 {
            let mut octets = plain.clone();
            unmask(&mut octets, mask, position);
            for (index, (octet, plain)) in octets.iter().zip(&plain).enumerate() {
                assert_eq!(octet ^ mask[(position as usize + index) % 4], *plain);
            }
        }
    }

    #[test]
    fn s_30_s_32_s_33_heads_that_are_not_allowed_are_refused() {
        for opcode in [3_u8, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            assert_eq!(parse(&[0x80 | opcode, 0x80, 0, 0, 0, 0]), Err(1002), "{opcode}");
        }
        for opcode in [8, 9, 10] {
            assert_eq!(parse(&[opcode, 0x80, 0, 0, 0, 0]), Err(1002), "{opcode} in fragments");
            assert_eq!(parse(&[0x80 | opcode, 0xfe, 0, 126, 0, 0, 0, 0]), Err(1002), "{opcode} too long");
            assert_eq!(parse(&[0x80 | opcode, 0xfd, 0, 0, 0, 0]), Ok(Some((125, 6))), "{opcode}");
        }
        for reserved in [0x10, 0x20] {
            assert_eq!(parse(&[0x81 | reserved, 0x80, 0, 0, 0, 0]), Err(1002), "{reserved}");
        }
    }

    #[test]
    fn s_31_lengths_have_their_shortest_form_both_ways() {
        for (len, head) in [(0_usize, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
            let mut out = Vec::new();
            write(&mut out, BINARY, false, &vec![0; len]);
            assert_eq!(out.len(), head + len);
        }
        let long = |len: u64| [&[0x82, 0xff][..], &len.to_be_bytes(), &[0; 4]].concat();
        let middle = |len: u16| [&[0x82, 0xfe][..], &len.to_be_bytes(), &[0; 4]].concat();
        assert_eq!(parse(&middle(125)), Err(1002));
        assert_eq!(parse(&middle(126)), Ok(Some((126, 8))));
        assert_eq!(parse(&long(65535)), Err(1002));
        assert_eq!(parse(&long(65536)), Ok(Some((65536, 14))));
        assert_eq!(parse(&long(1 << 63)), Err(1002));
    }

    #[test]
    fn s_27_s_41_frames_are_written_whole_and_unmasked() {
        let mut out = Vec::new();
        write(&mut out, TEXT, false, b"Hello");
        write(&mut out, PING, false, b"Hello");
        assert_eq!(out, b"\x81\x05Hello\x89\x05Hello");
    }
}
