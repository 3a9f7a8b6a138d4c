//! Checks the sizes in the header of a GGUF file before anything is allocated.
//!
//! candle's reader compares every count with the size of the file. That is not enough: one byte of an array becomes 32 bytes of a
//! [`Value`](candle_core::quantized::gguf_file::Value), and a sparse file may have any size.

use std::io::Read;

/// Maximum size of a header in bytes. That of Gemma, with 262,144 pieces, has 7 MB.
const MOST_BYTES: u64 = 128 << 20;
/// Maximum number of metadata entries. llama.cpp writes some fifty.
const MOST_ENTRIES: u64 = 4096;
/// Maximum number of tensors. Published models of a supported architecture have some thousand.
const MOST_TENSORS: u64 = 1 << 16;
/// Maximum total number of array elements: tokens, scores, kinds and merges.
const MOST_ELEMENTS: u64 = 8 << 20;
/// Maximum length of a key or tensor name in bytes.
const LONGEST_NAME: u64 = 512;

/// The supported number formats of tensors, by ggml's ids: F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1, Q2_K to Q8_K, BF16.
const FORMATS: [u32; 15] = [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 30];

/// Checks the header of a file of `size` bytes.
///
/// # Errors
/// Says what is wrong; the caller puts the file name before it.
pub(in crate::model) fn survey(reader: impl Read, size: u64) -> Result<(), String> {
    let mut survey = Survey {
        reader,
        left: size.min(MOST_BYTES),
        elements: 0,
        wide: true,
    };
    if survey.take::<4>()? != *b"GGUF" {
        return Err("it does not begin like a GGUF file; name a GGUF file, or a model folder".to_owned());
    }
    let version = survey.number()?;
    if !(1..=3).contains(&version) {
        return Err(format!(
            "its version is {version}, and fovea reads versions 1 to 3 in little-endian order; convert the model again"
        ));
    }
    survey.wide = version > 1;
    let (tensors, entries) = (survey.length()?, survey.length()?);
    within("tensors", tensors, MOST_TENSORS)?;
    within("entries of metadata", entries, MOST_ENTRIES)?;
    for _ in 0..entries {
        survey.name()?;
        let kind = survey.number()?;
        survey.value(kind)?;
    }
    for _ in 0..tensors {
        survey.tensor()?;
    }
    Ok(())
}

fn within(what: &str, found: u64, most: u64) -> Result<(), String> {
    match found > most {
        true => Err(format!(
            "it has {found} {what}, over the limit of {most}; download the model again"
        )),
        false => Ok(()),
    }
}

struct Survey<R> {
    reader: R,
    /// Number of bytes that may still be read.
    left: u64,
    /// Number of array elements so far.
    elements: u64,
    /// Whether lengths have eight bytes; they have four in version 1.
    wide: bool,
}

impl<R: Read> Survey<R> {
    fn need(&mut self, bytes: u64) -> Result<(), String> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            format!("its header needs {bytes} bytes more than the file, or the limit of {MOST_BYTES} bytes, has; download the model again")
        })?;
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.need(N as u64)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        self.need(bytes)?;
        let read = std::io::copy(&mut self.reader.by_ref().take(bytes), &mut std::io::sink());
        match read.map_err(|error| error.to_string())? == bytes {
            true => Ok(()),
            false => Err("its header ends early; download the model again".to_owned()),
        }
    }

    fn number(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn length(&mut self) -> Result<u64, String> {
        match self.wide {
            true => Ok(u64::from_le_bytes(self.take()?)),
            false => self.number().map(u64::from),
        }
    }

    fn text(&mut self) -> Result<(), String> {
        let bytes = self.length()?;
        self.skip(bytes)
    }

    fn name(&mut self) -> Result<String, String> {
        let bytes = self.length()?;
        within("bytes in a name", bytes, LONGEST_NAME)?;
        self.need(bytes)?;
        let mut name = Vec::new();
        let read = self.reader.by_ref().take(bytes).read_to_end(&mut name);
        match read.map_err(|error| error.to_string())? as u64 == bytes {
            true => Ok(String::from_utf8_lossy(&name).into_owned()),
            false => Err("its header ends early; download the model again".to_owned()),
        }
    }

    fn value(&mut self, kind: u32) -> Result<(), String> {
        const TEXT: u32 = 8;
        const ARRAY: u32 = 9;
        match (width(kind), kind) {
            (Some(width), _) => self.skip(width),
            (None, TEXT) => self.text(),
            (None, ARRAY) => {
                let (kind, length) = (self.number()?, self.length()?);
                self.elements = self.elements.saturating_add(length);
                within("elements of arrays", self.elements, MOST_ELEMENTS)?;
                match (width(kind), kind) {
                    (Some(width), _) => self.skip(width.saturating_mul(length)),
                    (None, TEXT) => (0..length).try_for_each(|_| self.text()),
                    _ => Err(
                        "its metadata has an array of arrays, which no supported model has; download the model again"
                            .to_owned(),
                    ),
                }
            }
            _ => Err(format!(
                "its metadata has a value of the unknown type {kind}; download the model again"
            )),
        }
    }

    fn tensor(&mut self) -> Result<(), String> {
        let name = self.name()?;
        let dimensions = self.number()?;
        within("dimensions of a tensor", u64::from(dimensions), 4)?;
        for _ in 0..dimensions {
            // candle would read an empty tensor through a pointer that is not aligned.
            if self.length()? == 0 {
                return Err(format!("the tensor `{name}` has no numbers; download the model again"));
            }
        }
        let format = self.number()?;
        self.take::<8>()?;
        match FORMATS.contains(&format) {
            true => Ok(()),
            false => Err(format!(
                "the tensor `{name}` is stored in ggml's type {format}, which fovea does not read; use a file in F32, F16, BF16, Q8_0, \
                 Q6_K, Q5_K, Q4_K or another Q format"
            )),
        }
    }
}

/// The size of a value in bytes, for types of fixed size.
fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with some numbers of tensors and entries, followed by `rest`.
    fn header(tensors: u64, entries: u64, rest: &[u8]) -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(entries.to_le_bytes());
        bytes.extend(rest);
        bytes
    }

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    #[test]
    fn impossible_sizes_are_refused_before_any_allocation() {
        let array = |kind: u32, length: u64| {
            [
                text("key"),
                9u32.to_le_bytes().to_vec(),
                kind.to_le_bytes().to_vec(),
                length.to_le_bytes().to_vec(),
            ]
            .concat()
        };
        let tensor_of = |length: u64, dimensions: u32, format: u32| {
            let mut bytes = text("t");
            bytes.extend(dimensions.to_le_bytes());
            bytes.extend(length.to_le_bytes().repeat(dimensions as usize));
            bytes.extend(format.to_le_bytes());
            bytes.extend([0; 8]);
            bytes
        };
        let tensor = |dimensions, format| tensor_of(1, dimensions, format);
        let long = [(u64::MAX).to_le_bytes().to_vec(), vec![b'a'; 9]].concat();
        let string = [
            text("key"),
            8u32.to_le_bytes().to_vec(),
            (1u64 << 60).to_le_bytes().to_vec(),
        ]
        .concat();
        for (bytes, says) in [
            (b"GGML".to_vec(), "does not begin like"),
            (b"GGUF\0\0\0\x03".to_vec(), "version is 50331648"),
            (header(u64::MAX, 0, &[]), "18446744073709551615 tensors"),
            (header(0, 1 << 20, &[]), "1048576 entries"),
            (header(0, 1, &long), "bytes in a name"),
            (header(0, 1, &array(0, 1 << 40)), "elements of arrays"),
            (header(0, 1, &array(8, 100)), "bytes more than the file"),
            (header(0, 1, &array(9, 1)), "array of arrays"),
            (header(0, 1, &array(99, 1)), "array of arrays"),
            (header(0, 1, &string), "bytes more than the file"),
            (
                header(0, 1, &[text("key"), vec![77, 0, 0, 0]].concat()),
                "unknown type 77",
            ),
            (header(1, 0, &tensor(5, 0)), "5 dimensions"),
            (header(1, 0, &tensor_of(0, 2, 0)), "the tensor `t` has no numbers"),
            (
                header(1, 0, &tensor(2, 23)),
                "the tensor `t` is stored in ggml's type 23",
            ),
            (header(2, 0, &tensor(2, 0)), "bytes more than the file"),
        ] {
            // With the true size of the file, and with an unlimited one.
            let error = survey(bytes.as_slice(), bytes.len() as u64).unwrap_err();
            assert!(error.contains(says), "{says}: {error}");
            assert!(survey(bytes.as_slice(), u64::MAX).is_err(), "{says}");
        }
        assert_eq!(survey(header(1, 0, &tensor(2, 0)).as_slice(), 1 << 10), Ok(()));
    }
}
