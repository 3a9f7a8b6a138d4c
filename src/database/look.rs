//! A look at the file that changes nothing, for `fovea doctor`.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{DatabaseError, Schema, beside, check, open_to_read, version};

/// How long it waits for others to let it look.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a file is found to be.
#[derive(Debug)]
pub struct Examination {
    /// Its version.
    pub version: u32,
    /// Bytes, with the log beside it.
    pub bytes: u64,
    /// Rows of the table asked for; 0 where the version is another.
    pub rows: i64,
    /// What SQLite's `quick_check` finds wrong; empty in an intact file.
    pub wrong: Vec<String>,
    /// The version of the tables we expect.
    expected: u32,
}

impl Examination {
    /// Whether a program of this version uses the file: an older one it starts afresh, a newer one it leaves alone.
    pub fn is_current(&self) -> bool {
        self.version == self.expected
    }
}

/// Looks at a file without changing it; `None` where there is none.
///
/// # Errors
/// Why it cannot be looked at.
pub fn examine(path: &Path, schema: &Schema, table: &str) -> Result<Option<Examination>, DatabaseError> {
    let log = beside(path, "-wal");
    let bytes = match bytes_on_disk(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Without a log nobody has it open, and to read it as it is leaves nothing behind beside it.
    let connection = if log.exists() {
        open_to_read(path)?
    } else {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(immutable(path), flags)?
    };
    connection.busy_timeout(PATIENCE)?;
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

/// Bytes of a file with the log beside it.
///
/// # Errors
/// If the file is not there or cannot be looked at.
pub fn bytes_on_disk(path: &Path) -> std::io::Result<u64> {
    let size = |path: &Path| std::fs::metadata(path).map(|data| data.len());
    Ok(size(path)? + size(&beside(path, "-wal")).unwrap_or(0))
}

/// A path as the address of a file that nobody changes.
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
