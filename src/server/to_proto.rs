//! Converts between Fovea's types and LSP's.

use tower_lsp::jsonrpc::{Error, ErrorCode};
use tower_lsp::ls_types::{Position, PositionEncodingKind, Range};

use crate::analysis::Refusal;
use crate::segment::UnitKind;
use crate::text::{self, ByteRange, PositionEncoding, Snapshot};

/// LSP's error code for a request that the server canceled.
pub const SERVER_CANCELLED: i64 = -32802;
/// LSP's error code for a request that failed for a reason that users should see.
pub const REQUEST_FAILED: i64 = -32803;

/// The byte offset of a client's position.
pub fn offset(snapshot: &Snapshot, position: Position, encoding: PositionEncoding) -> usize {
    snapshot.offset(place(position), encoding)
}

/// Converts a client's position.
pub fn place(position: Position) -> text::Position {
    text::Position {
        line: position.line,
        column: position.character,
    }
}

/// The position of a byte.
pub fn position(snapshot: &Snapshot, offset: usize, encoding: PositionEncoding) -> Position {
    wire(snapshot.position(offset, encoding))
}

/// Converts a position for the client.
pub fn wire(place: text::Position) -> Position {
    Position {
        line: place.line,
        character: place.column,
    }
}

/// Converts a byte range into an LSP range.
pub fn range(snapshot: &Snapshot, range: &ByteRange, encoding: PositionEncoding) -> Range {
    Range {
        start: position(snapshot, range.start, encoding),
        end: position(snapshot, range.end, encoding),
    }
}

/// Converts an LSP range into a byte range; swaps the ends of a reversed range.
pub fn bytes(snapshot: &Snapshot, range: Range, encoding: PositionEncoding) -> ByteRange {
    let (a, b) = (
        offset(snapshot, range.start, encoding),
        offset(snapshot, range.end, encoding),
    );
    a.min(b)..a.max(b)
}

/// LSP's name of an encoding.
pub fn encoding_kind(encoding: PositionEncoding) -> PositionEncodingKind {
    match encoding {
        PositionEncoding::Utf8 => PositionEncodingKind::UTF8,
        PositionEncoding::Utf16 => PositionEncodingKind::UTF16,
        PositionEncoding::Utf32 => PositionEncodingKind::UTF32,
    }
}

/// Converts a refusal into an LSP error.
pub fn refusal(refusal: &Refusal) -> Error {
    let code = match refusal {
        Refusal::Cancelled => ErrorCode::RequestCancelled,
        Refusal::Stale => ErrorCode::ContentModified,
        Refusal::Busy => ErrorCode::ServerError(SERVER_CANCELLED),
        _ => ErrorCode::ServerError(REQUEST_FAILED),
    };
    Error {
        code,
        message: refusal.to_string().into(),
        data: None,
    }
}

/// A score for the wire: four decimal places, without the noise digits of an f32.
pub fn number(score: f32) -> f64 {
    (f64::from(score) * 1e4).round() / 1e4
}

/// The noun for a unit of this kind in a hover.
pub fn unit_noun(kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::Function => "function",
        UnitKind::Container => "declaration",
        UnitKind::Statements => "block of statements",
        UnitKind::Paragraph => "paragraph",
        UnitKind::CodeBlock => "code block",
        UnitKind::Data => "block of data",
    }
}
