//! Text: rope snapshots, positions in three encodings, languages, source words.
//!
//! Only this module converts positions. Everywhere else, a position in a document is a UTF-8 byte offset of one [`Snapshot`], and a range
//! is a [`ByteRange`].

mod admission;
mod decode;
mod document;
mod identifiers;
mod language;
mod position;
mod regular;
mod snapshot;
mod tongue;
mod words;

pub use admission::{Inactive, Limits, inactive, saved_name, secret_file};
pub use decode::{DecodeError, decode};
pub use document::{Change, Document};
pub use identifiers::ModelText;
pub use language::Language;
pub use position::{Position, PositionEncoding, ceil_char, floor_char};
pub use regular::{Unread, open_regular, read_regular};
pub use snapshot::Snapshot;
pub use tongue::{is_english, share_of_other_scripts};
pub use words::{Word, source_words};

/// A half-open range of UTF-8 bytes of one snapshot. Some functions document that it refers to one unit's text.
pub type ByteRange = std::ops::Range<usize>;
