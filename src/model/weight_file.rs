//! The bytes of a weight file, read where they are needed, so that memory does not hold a whole file beside its tensors.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

/// Number of bytes that are hashed at once.
const PART: usize = 1 << 18;

/// A file of weights.
pub(super) enum WeightFile {
    /// Inside the program.
    Embedded(&'static [u8]),
    /// On disk, with its size in bytes when it was opened.
    Opened(File, u64),
}

impl WeightFile {
    /// The size in bytes.
    pub(super) fn size(&self) -> u64 {
        match self {
            WeightFile::Embedded(bytes) => bytes.len() as u64,
            WeightFile::Opened(_, size) => *size,
        }
    }

    /// A reader at the start of the file. Readers move independently, on any thread.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { file: self, at: 0 }
    }

    /// SHA-256.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn sha256(&self) -> io::Result<[u8; 32]> {
        let (mut reader, mut hash, mut part) = (self.reader(), Sha256::new(), vec![0; PART]);
        loop {
            match reader.read(&mut part)? {
                0 => return Ok(hash.finalize().into()),
                read => hash.update(&part[..read]),
            }
        }
    }
}

/// Reads a [`WeightFile`] from a position of its own.
pub(super) struct Reader<'a> {
    file: &'a WeightFile,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.file {
            WeightFile::Embedded(bytes) => {
                let start = usize::try_from(self.at).unwrap_or(usize::MAX).min(bytes.len());
                (&bytes[start..]).read(buffer)?
            }
            WeightFile::Opened(file, _) => loop {
                match read_at(file, buffer, self.at) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => break result?,
                }
            },
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let moved = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.size().checked_add_signed(by),
        };
        self.at = moved.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

/// A file with these bytes.
#[cfg(test)]
pub(super) fn on_disk(bytes: &[u8]) -> WeightFile {
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, bytes).unwrap();
    WeightFile::Opened(file, bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_of_one_file_move_independently_and_end_with_it() {
        const BYTES: &[u8] = b"0123456789";
        for file in [WeightFile::Embedded(BYTES), on_disk(BYTES)] {
            let (mut first, mut second) = (file.reader(), file.reader());
            assert_eq!(first.seek(SeekFrom::End(-3)).unwrap(), 7);
            let mut four = [0; 4];
            second.read_exact(&mut four).unwrap();
            assert_eq!(&four, b"0123");
            assert_eq!(second.seek(SeekFrom::Current(2)).unwrap(), 6);
            let (mut rest, mut more) = (Vec::new(), Vec::new());
            first.read_to_end(&mut rest).unwrap();
            second.read_to_end(&mut more).unwrap();
            assert_eq!((rest.as_slice(), more.as_slice()), (&b"789"[..], &b"6789"[..]));
            assert!(second.seek(SeekFrom::Current(-11)).is_err());
            second.seek(SeekFrom::Start(99)).unwrap();
            assert_eq!(second.read(&mut four).unwrap(), 0);
        }
    }

    #[test]
    fn the_checksum_covers_every_part_of_a_long_file() {
        let bytes: Vec<u8> = (0..2 * PART + 7).map(|at| at as u8).collect();
        let whole: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(on_disk(&bytes).sha256().unwrap(), whole);
    }
}
