//! Examines a database file without changing it, for `fovea doctor`.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{DatabaseError, Schema, beside, check, open_to_read, version};

/// How long to wait for locks of other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The result of an examination.
#[derive(Debug)]
pub struct Examination {
    /// Its version.
    pub version: u32,
    /// Size in bytes, including the log file.
    pub bytes: u64,
    /// Number of rows in the requested table; 0 if the version differs.
    pub rows: i64,
    /// Problems that SQLite's `quick_check` reports; empty for an intact file.
    pub wrong: Vec<String>,
    /// The version of the expected tables.
    expected: u32,
}

impl Examination {
    /// Whether this program uses the file. It recreates an older file, and leaves a newer one unchanged.
    pub fn is_current(&self) -> bool {
        self.version == self.expected
    }
}

/// Examines a file without changing it; `None` if it does not exist.
///
/// # Errors
/// If the file cannot be examined.
pub fn examine(path: &Path, schema: &Schema, table: &str) -> Result<Option<Examination>, DatabaseError> {
    let log = beside(path, "-wal");
    let bytes = match bytes_on_disk(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Without a log file no process has it open, and immutable mode leaves no files behind.
    let connection = if log.exists() {
        open_to_read(path)?
    } else {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(immutable(path), flags)?
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let wrong = check(&connection)?;
    let mut examination = Examination {
        version: 0,
        bytes,
        rows: 0,
        wrong,
        expected: schema.version,
    };
    if examination.wrong.is_empty() {
        examination.version = version(&connection)?;
        if examination.version == schema.version {
            let count = format!("SELECT count(*) FROM {table}");
            examination.rows = connection.query_row(&count, [], |row| row.get(0))?;
        }
    }
    Ok(Some(examination))
}

/// Size of a file in bytes, including its log file.
///
/// # Errors
/// If the file does not exist or cannot be examined.
pub fn bytes_on_disk(path: &Path) -> std::io::Result<u64> {
    let size = |path: &Path| std::fs::metadata(path).map(|data| data.len());
    Ok(size(path)? + size(&beside(path, "-wal")).unwrap_or(0))
}

/// The URI of a path for a read-only, unchanging file.
fn immutable(path: &Path) -> String {
    let escaped = path
        .to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let escaped = if cfg!(windows) {
        format!("/{}", escaped.replace('\\', "/"))
    } else {
        escaped
    };
    format!("file:{escaped}?immutable=1")
}
