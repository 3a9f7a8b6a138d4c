//! Encodes kinds, reasons, positions and paths for a store. A change here needs a new table version.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::FilePosition;
use super::skipped::Skipped;
use crate::segment::ItemKind;

pub fn kind_number(kind: ItemKind) -> i64 {
    match kind {
        ItemKind::Function => 0,
        ItemKind::Type => 1,
        ItemKind::Heading => 2,
        ItemKind::File => 3,
    }
}

pub fn kind_of(number: i64) -> ItemKind {
    match number {
        0 => ItemKind::Function,
        1 => ItemKind::Type,
        3 => ItemKind::File,
        _ => ItemKind::Heading,
    }
}

pub fn skipped_number(reason: Skipped) -> i64 {
    match reason {
        Skipped::Generated => 1,
        _ => 0,
    }
}

pub fn skipped_of(number: i64) -> Skipped {
    match number {
        1 => Skipped::Generated,
        _ => Skipped::NotText,
    }
}

/// Byte, line and columns of each position, as 32-bit numbers. Files above 4 GB are not indexed.
pub fn places_in_bytes(places: &[FilePosition; 4]) -> Vec<u8> {
    let numbers = places
        .iter()
        .flat_map(|place| [place.byte as u32, place.line, place.column, place.utf16, place.utf32]);
    numbers.flat_map(u32::to_le_bytes).collect()
}

pub fn places_from_bytes(bytes: &[u8]) -> Option<[FilePosition; 4]> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    let numbers: Vec<u32> = numbers.iter().map(|number| u32::from_le_bytes(*number)).collect();
    let (places, more) = numbers.as_chunks::<5>();
    let place = |&[byte, line, column, utf16, utf32]: &[u32; 5]| FilePosition {
        byte: byte as usize,
        line,
        column,
        utf16,
        utf32,
    };
    let places: [FilePosition; 4] = places.iter().map(place).collect::<Vec<_>>().try_into().ok()?;
    (rest.is_empty() && more.is_empty()).then_some(places)
}

/// Indices of units, four bytes each.
pub fn numbers_in_bytes(numbers: &[usize]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| (*number as u32).to_le_bytes())
        .collect()
}

pub fn numbers_from_bytes(bytes: &[u8]) -> Vec<usize> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers
        .iter()
        .map(|number| u32::from_le_bytes(*number) as usize)
        .collect()
}

/// A path as bytes: those of its name, or on Windows UTF-8 with replacement characters for what is not valid Unicode.
pub fn bytes(path: &Path) -> Cow<'_, [u8]> {
    #[cfg(unix)]
    let bytes = Cow::Borrowed(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    #[cfg(not(unix))]
    let bytes = Cow::Owned(path.to_string_lossy().into_owned().into_bytes());
    bytes
}

pub fn path(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    let path = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).into();
    #[cfg(not(unix))]
    let path = String::from_utf8_lossy(bytes).into_owned().into();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_numbers_survive_as_bytes_and_other_lengths_are_refused() {
        let place = |byte: usize| FilePosition {
            byte,
            line: byte as u32 + 1,
            column: byte as u32 + 2,
            utf16: byte as u32 + 3,
            utf32: byte as u32 + 4,
        };
        let places = [1, 20, 300, 70_000].map(place);
        let mut bytes = places_in_bytes(&places);
        assert_eq!(places_from_bytes(&bytes), Some(places));
        for more in [1, 4, 20] {
            assert_eq!(
                places_from_bytes(&[&bytes[..], &vec![0; more][..]].concat()),
                None,
                "{more}"
            );
        }
        bytes.pop();
        assert_eq!(places_from_bytes(&bytes), None);
        let numbers = [0, 255, 256, 1 << 20];
        assert_eq!(numbers_from_bytes(&numbers_in_bytes(&numbers)), numbers);
    }
}
