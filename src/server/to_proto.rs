//! Between our types and LSP's.

use tower_lsp::jsonrpc::{Error, ErrorCode};
use tower_lsp::ls_types::{Position, PositionEncodingKind, Range};

use crate::analysis::Refusal;
use crate::segment::UnitKind;
use crate::text::{self, ByteRange, PositionEncoding, Snapshot};

/// LSP's code for a request that the server gave up.
pub const SERVER_CANCELLED: i64 = -32802;
/// LSP's code for a request that failed for a reason worth telling.
pub const REQUEST_FAILED: i64 = -32803;

/// The byte that a client's position stands at.
pub fn offset(snapshot: &Snapshot, position: Position, encoding: PositionEncoding) -> usize {
    snapshot.offset(place(position), encoding)
}

/// A client's position as ours.
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

/// Our position as the client's.
pub fn wire(place: text::Position) -> Position {
    Position {
        line: place.line,
        character: place.column,
    }
}

/// Bytes → a range of the client's.
pub fn range(snapshot: &Snapshot, range: &ByteRange, encoding: PositionEncoding) -> Range {
    Range {
        start: position(snapshot, range.start, encoding),
        end: position(snapshot, range.end, encoding),
    }
}

/// A range of the client's → bytes; a reversed one is turned round.
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

/// Why a question got no answer, as LSP says it.
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

/// A score as it is sent: four places, without the digits that an f32 does not have.
pub fn number(score: f32) -> f64 {
    (f64::from(score) * 1e4).round() / 1e4
}

/// What a hover calls a unit of this kind.
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
