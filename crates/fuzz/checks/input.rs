//! Inputs are texts, so that they can be read and are changed well.

/// The lines of an input.
pub(crate) fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|&octet| octet == b'\n')
}
