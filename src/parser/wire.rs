//! What the two processes tell each other: frames of a length (4 bytes, little-endian) and a message in
//! [postcard's format](https://postcard.jamesmunns.com/wire-format).

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::segment::{Outline, Unparsed};
use crate::text::{ByteRange, Language};

/// Names one text that a child was given.
pub(super) type TextId = u64;

/// The first message of a child. Another version would not understand us, and may be what a system starts after an update.
pub(super) const GREETING: &str = concat!("fovea parser ", env!("CARGO_PKG_VERSION"), " 1");

/// No message is longer. An outline is shorter than its text, and no text of this length is analyzed.
const LONGEST: usize = 1 << 30;

/// To the child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request<'a> {
    /// Parse a text, and keep its tree under this name. Answered by [`Answer::Syntax`].
    Parse {
        /// The name.
        id: TextId,
        /// The language.
        language: Language,
        /// The text.
        #[serde(borrow)]
        text: Text<'a>,
    },
    /// How deep in a tree do lines begin? Answered by [`Answer::Depths`].
    Depths {
        /// Which tree.
        id: TextId,
        /// Where the lines begin.
        starts: Vec<usize>,
        /// Nodes that begin here or later are not counted.
        end: usize,
    },
    /// Nobody needs these trees any more. Not answered.
    Forget(Vec<TextId>),
}

/// A text, whole or as it differs from another one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Text<'a> {
    /// All of it.
    Whole(&'a str),
    /// Another text with one stretch replaced.
    Edit {
        /// The other text.
        of: TextId,
        /// The stretch, in bytes, between characters.
        replaced: ByteRange,
        /// What stands there instead.
        by: &'a str,
    },
}

/// From the child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The syntax of a text, or why there is none.
    Syntax(Result<(Outline, Vec<ByteRange>), Unparsed>),
    /// One depth per line.
    Depths(Vec<u32>),
}

/// Writes one frame.
///
/// # Errors
/// Those of the writer; a message that is too long.
pub(super) fn write(output: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    frame = postcard::to_extend(message, frame).map_err(io::Error::other)?;
    let length = frame.len() - 4;
    let told = u32::try_from(length).ok().filter(|_| length <= LONGEST);
    let told = told.ok_or_else(|| io::Error::other("a message is too long"))?;
    frame[..4].copy_from_slice(&told.to_le_bytes());
    output.write_all(&frame)?;
    output.flush()
}

/// Reads one frame into `buffer`; `false` at the end of the input.
///
/// # Errors
/// Those of the reader; a frame that is too long or cut off.
pub(super) fn read_frame(input: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        result => result?,
    }
    let length = u32::from_le_bytes(length);
    if length as usize > LONGEST {
        return Err(io::Error::other("a message is too long"));
    }
    buffer.clear();
    // What is announced is not allocated before it has come.
    let read = input.take(length.into()).read_to_end(buffer)?;
    if read < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(true)
}

/// The message in a frame, borrowed from it.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if it is none.
pub(super) fn decode<'a, T: Deserialize<'a>>(frame: &'a [u8]) -> io::Result<T> {
    postcard::from_bytes(frame).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Reads one message; `None` at the end of the input.
///
/// # Errors
/// Those of [`read_frame`] and [`decode`].
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
    fn messages_come_back_and_the_end_is_an_end() {
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
    fn a_frame_that_is_cut_off_too_long_or_nonsense_is_an_error() {
        let mut buffer = Vec::new();
        assert!(read_frame(&mut &[9, 0, 0, 0, 1][..], &mut buffer).is_err());
        assert!(read_frame(&mut &[0xff; 8][..], &mut buffer).is_err());
        assert!(read::<Answer>(&mut &[2, 0, 0, 0, 0xff, 0xff][..]).is_err());
    }
}
