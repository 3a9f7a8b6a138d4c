//! Reads regular files only.
//!
//! A pipe blocks the process that opens it, and a device never ends. Neither can be a model, a source or an ignore file, whatever its name.

use std::fs::{File, FileType, Metadata};
use std::io::Read;
use std::path::Path;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is not a regular file.
    #[error("it is {0}, not a regular file")]
    Irregular(&'static str),
    /// It is larger than allowed.
    #[error("it has {bytes} bytes, over the limit of {limit}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// An error of the operating system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Opens a regular file of at most `limit` bytes, following links; also returns its size.
///
/// # Errors
/// [`Unread`] gives the reason. Files that could block are never opened.
pub fn open_regular(path: &Path, limit: u64) -> Result<(File, u64), Unread> {
    check(&std::fs::metadata(path)?, limit)?;
    let file = File::open(path)?;
    // The name may belong to another file by now.
    let size = check(&file.metadata()?, limit)?;
    Ok((file, size))
}

/// Reads a regular file of at most `limit` bytes, following links.
///
/// # Errors
/// See [`open_regular`].
pub fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, Unread> {
    let (file, size) = open_regular(path, limit)?;
    let mut bytes = Vec::new();
    // One extra byte detects a file that grew, or whose size the system does not know.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(Unread::TooLarge {
            bytes: size.max(bytes.len() as u64),
            limit,
        }),
        false => Ok(bytes),
    }
}

fn check(data: &Metadata, limit: u64) -> Result<u64, Unread> {
    if let Some(kind) = irregular(data.file_type()) {
        return Err(Unread::Irregular(kind));
    }
    match data.len() {
        bytes if bytes > limit => Err(Unread::TooLarge { bytes, limit }),
        bytes => Ok(bytes),
    }
}

/// The description of a file type other than a regular file.
fn irregular(kind: FileType) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_char_device() || kind.is_block_device() {
            return Some("a device");
        }
    }
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => None,
        (_, true) => Some("a folder"),
        _ => Some("something else"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_not_opened_if_its_size_exceeds_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abcd").unwrap();
        assert!(matches!(
            open_regular(&path, 3),
            Err(Unread::TooLarge { bytes: 4, limit: 3 })
        ));
        assert_eq!(open_regular(&path, 4).unwrap().1, 4);
    }

    #[test]
    fn a_regular_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read_regular(&path, 3).unwrap(), b"abc");
        assert!(matches!(
            read_regular(&path, 2),
            Err(Unread::TooLarge { bytes: 3, limit: 2 })
        ));
        assert!(matches!(
            read_regular(folder.path(), 9),
            Err(Unread::Irregular("a folder"))
        ));
        assert!(matches!(read_regular(&folder.path().join("b"), 9), Err(Unread::Io(_))));
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_reported_and_never_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for (path, kind) in [(&pipe, "a pipe"), (&link, "a device")] {
            let error = read_regular(path, 9).unwrap_err().to_string();
            assert_eq!(error, format!("it is {kind}, not a regular file"));
        }
        // The limit also applies to a file whose size the system does not know.
        #[cfg(target_os = "linux")]
        assert!(matches!(
            read_regular(Path::new("/proc/self/status"), 9),
            Err(Unread::TooLarge { .. })
        ));
    }
}
