//! Bytes as text that fits into an SQS message: size limits, gzip, base64, and the characters that SQS refuses.

use std::io::{Read as _, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;

/// The longest message body in bytes: 1 MiB, less 8 KiB for the message attributes (docs/vendors.md#sqs-fifo).
pub const MESSAGE_LIMIT: usize = 1024 * 1024 - 8 * 1024;

/// The longest fields of a post as JSON, in bytes. Lambda accepts an event of 6 MB, and an accepted post must fit into
/// the memory of the function that delivers it (decision 0009).
pub const UNPACKED_LIMIT: usize = 16 * 1024 * 1024;

/// Writes a value as JSON of `limit` bytes at most; `None` when there are more.
pub(super) fn write_json(value: &impl Serialize, limit: usize, writer: impl Write) -> Option<()> {
    let mut limited = std::io::BufWriter::new(Limited {
        left: limit,
        writer,
    });
    serde_json::to_writer(&mut limited, value).ok()?;
    limited.flush().ok()
}

/// A writer that fails once more than `left` bytes are written.
struct Limited<W> {
    left: usize,
    writer: W,
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or(std::io::ErrorKind::FileTooLarge)?;
        self.writer.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

/// What `write` writes, compressed with gzip, in base64.
pub(super) fn gzip_base64(
    write: impl FnOnce(&mut GzEncoder<Vec<u8>>) -> Option<()>,
) -> Option<String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    write(&mut encoder)?;
    Some(STANDARD.encode(encoder.finish().ok()?))
}

/// The length that a gzip stream states in its last four bytes (RFC 1952, section 2.3.1). It may be wrong:
/// [`gunzip`] takes it as its limit.
pub(super) fn unpacked_size(packed: &str) -> Option<usize> {
    let end = STANDARD
        .decode(packed.get(packed.len().checked_sub(8)?..)?)
        .ok()?;
    let size = u32::from_le_bytes(*end.last_chunk()?);
    usize::try_from(size).ok()
}

/// Unpacks `limit` bytes at most; `None` when there are more, or when the text is not gzip in base64 (RFC 1952, without
/// optional members, as [`GzEncoder`] writes it).
///
/// The gzip reader of `flate2` adds 16 KB of incompressible checksum tables to a binary; this checksum uses no table.
pub(super) fn gunzip(packed: &str, limit: usize) -> Option<Vec<u8>> {
    const DEFLATE_WITHOUT_OPTIONS: [u8; 4] = [0x1f, 0x8b, 8, 0];
    let packed = STANDARD.decode(packed).ok()?;
    let (head, rest) = packed.split_at_checked(10)?;
    let (deflated, &[c0, c1, c2, c3, s0, s1, s2, s3]) = rest.split_last_chunk::<8>()?;
    if !head.starts_with(&DEFLATE_WITHOUT_OPTIONS) {
        return None;
    }
    let mut text = Vec::new();
    let one_too_many = u64::try_from(limit).ok()?.saturating_add(1);
    DeflateDecoder::new(deflated)
        .take(one_too_many)
        .read_to_end(&mut text)
        .ok()?;
    let checksum = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC).checksum(&text);
    let size = u32::from_le_bytes([s0, s1, s2, s3]);
    let intact = checksum == u32::from_le_bytes([c0, c1, c2, c3])
        && u32::try_from(text.len()).is_ok_and(|length| length == size);
    (text.len() <= limit && intact).then_some(text)
}

/// Escapes the two characters that JSON allows and SQS refuses (docs/vendors.md#sqs-fifo).
pub(super) fn escape_for_sqs(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe")
            .replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

/// Whether SQS accepts a text as it is.
pub(super) fn is_accepted_by_sqs(text: &str) -> bool {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    !text.is_empty() && text.chars().all(allowed)
}
