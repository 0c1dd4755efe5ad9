//! The files of the table.

pub(crate) const REQUEST_LINE: &str = include_str!("request-line.txt");
pub(crate) const TARGET: &str = include_str!("target.txt");
pub(crate) const HOST: &str = include_str!("host.txt");
pub(crate) const FIELDS: &str = include_str!("fields.txt");
pub(crate) const CONTENT_LENGTH: &str = include_str!("content-length.txt");
pub(crate) const TRANSFER_ENCODING: &str = include_str!("transfer-encoding.txt");
pub(crate) const CONFLICTS: &str = include_str!("conflicts.txt");
pub(crate) const CHUNKS: &str = include_str!("chunks.txt");
pub(crate) const TRAILERS: &str = include_str!("trailers.txt");
pub(crate) const VERSIONS: &str = include_str!("versions.txt");
pub(crate) const SEQUENCES: &str = include_str!("sequences.txt");
pub(crate) const LIMITS: &str = include_str!("limits.txt");
pub(crate) const ALL: [&str; 12] = [
    REQUEST_LINE,
    TARGET,
    HOST,
    FIELDS,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    CONFLICTS,
    CHUNKS,
    TRAILERS,
    VERSIONS,
    SEQUENCES,
    LIMITS,
];
