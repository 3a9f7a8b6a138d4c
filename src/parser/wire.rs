//! The protocol between server and child.
//!
//! A frame is a length (4 bytes, little-endian) and a message in [postcard's format](https://postcard.jamesmunns.com/wire-format).

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::segment::{Outline, Unparsed};
use crate::text::{ByteRange, Language};

/// Identifies a text that a child has received.
pub(super) type TextId = u64;

/// The first message of a child. After an update, the system may start a child of another version, which does not match.
pub(super) const GREETING: &str = concat!("fovea parser ", env!("CARGO_PKG_VERSION"), " 1");

/// Maximum length of a message. An outline is shorter than its text, and texts of this length are not analyzed.
const MAX_MESSAGE: usize = 1 << 30;

/// A message to the child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request<'a> {
    /// Parse a text and keep its tree under this identifier. The answer is [`Answer::Syntax`].
    Parse {
        /// The identifier.
        id: TextId,
        /// The language.
        language: Language,
        /// The text.
        #[serde(borrow)]
        text: Text<'a>,
    },
    /// Compute the depths of lines in a tree. The answer is [`Answer::Depths`].
    Depths {
        /// The identifier of the tree.
        id: TextId,
        /// The starts of the lines.
        starts: Vec<usize>,
        /// Nodes that begin at or after this offset do not count.
        end: usize,
    },
    /// Drop these trees. There is no answer.
    Forget(Vec<TextId>),
}

/// A text, complete or as an edit of another text.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Text<'a> {
    /// The complete text.
    Whole(&'a str),
    /// Another text with one range replaced.
    Edit {
        /// The other text.
        of: TextId,
        /// The range in bytes, at character borders.
        replaced: ByteRange,
        /// The replacement.
        by: &'a str,
    },
}

/// A message from the child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The syntax of a text, or the reason why there is none.
    Syntax(Result<(Outline, Vec<ByteRange>), Unparsed>),
    /// One depth per line.
    Depths(Vec<u32>),
}

/// Writes one frame.
///
/// # Errors
/// Errors of the writer, and messages that are too long.
pub(super) fn write(output: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    output.write_all(&encode(Vec::new(), message)?)?;
    output.flush()
}

/// Appends one frame to others.
///
/// # Errors
/// If the message is too long.
pub(super) fn encode(mut frames: Vec<u8>, message: &impl Serialize) -> io::Result<Vec<u8>> {
    let start = frames.len();
    frames.extend([0; 4]);
    frames = postcard::to_extend(message, frames).map_err(io::Error::other)?;
    let length = frames.len() - start - 4;
    let prefix = u32::try_from(length).ok().filter(|_| length <= MAX_MESSAGE);
    let prefix = prefix.ok_or_else(|| io::Error::other("a message is too long"))?;
    frames[start..start + 4].copy_from_slice(&prefix.to_le_bytes());
    Ok(frames)
}

/// Reads one frame into `buffer`; returns `false` at the end of the input.
///
/// # Errors
/// Errors of the reader, and frames that are too long or truncated.
pub(super) fn read_frame(input: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        result => result?,
    }
    let length = u32::from_le_bytes(length);
    if length as usize > MAX_MESSAGE {
        return Err(io::Error::other("a message is too long"));
    }
    buffer.clear();
    // Memory grows with received data, not with the announced length.
    let read = input.take(length.into()).read_to_end(buffer)?;
    if read < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(true)
}

/// Decodes the message in a frame and borrows from it.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if the message is invalid.
pub(super) fn decode<'a, T: Deserialize<'a>>(frame: &'a [u8]) -> io::Result<T> {
    postcard::from_bytes(frame).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Reads one message; `None` at the end of the input.
///
/// # Errors
/// See [`read_frame`] and [`decode`].
pub(super) fn read<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut frame = Vec::new();
    if !read_frame(input, &mut frame)? {
        return Ok(None);
    }
    decode(&frame).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_pipe_and_its_end_is_detected() {
        let mut pipe = Vec::new();
        let text = Text::Edit {
            of: 3,
            replaced: 1..2,
            by: "é",
        };
        let language = Language::Ruby;
        write(&mut pipe, &Request::Parse { id: 4, language, text }).unwrap();
        write(&mut pipe, &Answer::Depths(vec![0, 7])).unwrap();
        let mut input = &pipe[..];
        let mut frame = Vec::new();
        assert!(read_frame(&mut input, &mut frame).unwrap());
        let Request::Parse {
            id: 4,
            text: Text::Edit { of: 3, by, .. },
            ..
        } = decode(&frame).unwrap()
        else {
            panic!("another message")
        };
        assert_eq!(by, "é");
        let answer: Option<Answer> = read(&mut input).unwrap();
        assert!(matches!(answer, Some(Answer::Depths(depths)) if depths == [0, 7]));
        assert!(read::<Answer>(&mut input).unwrap().is_none());
    }

    #[test]
    fn truncated_oversized_and_invalid_frames_are_errors() {
        let mut buffer = Vec::new();
        assert!(read_frame(&mut &[9, 0, 0, 0, 1][..], &mut buffer).is_err());
        assert!(read_frame(&mut &[0xff; 8][..], &mut buffer).is_err());
        assert!(read::<Answer>(&mut &[2, 0, 0, 0, 0xff, 0xff][..]).is_err());
    }
}
