//! A file of SQLite: made, opened, brought up to date, repaired, looked at. Knows nothing of what the tables mean.
//!
//! Several processes hold it open at once, and a person may delete it under them. SQLite's own locks order the former; for the latter
//! no connection of ours checkpoints when it closes, since that would delete a log by its name, which may be the new file's by then.
//! For the same reason damage is repaired in place and never by deleting the file.

mod look;

pub use look::{Examination, bytes_on_disk, examine};

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

/// How long one who writes waits for others to finish.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long one who reads waits, if at all: what is not found is computed.
const HURRY: Duration = Duration::from_millis(20);

/// The log beside the file is cut back to this.
const LOG_BYTES: u32 = 4 << 20;

/// The tables a program expects.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Grows with every change of the tables or of what stands in them; kept as `user_version`.
    pub version: u32,
    /// The statements that make the tables.
    pub tables: &'static str,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It was written by a program that knows more than we do.
    #[error("a newer fovea wrote it (version {0} of its tables), so this one leaves it unchanged; update fovea")]
    Newer(u32),
    /// The folder or file could not be made.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// SQLite's reason.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

impl DatabaseError {
    /// Whether the bytes of the file are not what they should be.
    pub fn is_damage(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }

    /// Whether a file that was sound when it was opened is not any more: damaged, or emptied by somebody who found it so.
    pub fn calls_for_repair(&self) -> bool {
        self.is_damage() || matches!(self.code(), Some(ErrorCode::Unknown))
    }

    fn is_busy(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            DatabaseError::Sql(error) => error.sqlite_error_code(),
            _ => None,
        }
    }
}

/// Opens a file to write, making its folder, itself and its tables where they are missing, and starting afresh where it is of an older
/// version. A damaged one is emptied: nothing in it that could not be computed again.
///
/// # Errors
/// Why it cannot be used.
pub fn open(path: &Path, schema: &Schema) -> Result<Connection, DatabaseError> {
    make_private(path)?;
    match made_current(path, schema) {
        Err(error) if error.is_damage() => repair(path, schema),
        other => other,
    }
}

/// Opens a file again in which damage was met, emptying it unless somebody else has already.
///
/// # Errors
/// Why it cannot be used.
pub fn repair(path: &Path, schema: &Schema) -> Result<Connection, DatabaseError> {
    // One after the other: what the first has repaired the second finds sound.
    let _turn = turn(path)?;
    let connection = connect(path)?;
    let wrong = match configure_connection(&connection, PATIENCE).map_err(DatabaseError::from) {
        Err(error) if error.is_damage() => vec![error.to_string()],
        settled => settled.and_then(|()| check(&connection))?,
    };
    if let Some(wrong) = wrong.first() {
        tracing::warn!(path = %path.display(), %wrong, "a damaged file is started afresh");
        empty(&connection)?;
    }
    drop(connection);
    made_current(path, schema)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | THREADS)
}

/// Opens a file with the tables expected.
fn made_current(path: &Path, schema: &Schema) -> Result<Connection, DatabaseError> {
    let mut connection = connect(path)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match bring_up_to_date(&mut connection, schema) {
            Ok(()) => return Ok(connection),
            // Others are making the same file at this moment. Few of SQLite's first steps wait for that by themselves.
            Err(error) if error.is_busy() && Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error),
        }
    }
}

/// The turn of one who repairs, until the file is closed.
fn turn(path: &Path) -> std::io::Result<File> {
    let path = beside(path, ".lock");
    make_private(&path)?;
    let file = OpenOptions::new().write(true).open(path)?;
    let end = Instant::now() + PATIENCE;
    while let Err(error) = file.try_lock() {
        match error {
            TryLockError::WouldBlock if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            other => return Err(other.into()),
        }
    }
    Ok(file)
}

/// What SQLite's `quick_check` finds wrong.
///
/// # Errors
/// Why it cannot be checked.
pub fn check(connection: &Connection) -> Result<Vec<String>, DatabaseError> {
    let mut wrong: Vec<String> = Vec::new();
    let checked = connection.pragma_query(None, "quick_check", |row| {
        wrong.push(row.get(0)?);
        Ok(())
    });
    wrong.retain(|line| line != "ok");
    match checked.map_err(DatabaseError::from) {
        Err(error) if error.is_damage() => wrong.push(error.to_string()),
        checked => checked?,
    }
    Ok(wrong)
}

/// Opens a file that [`open`] has made, to read.
///
/// # Errors
/// Why it cannot be read.
pub fn open_to_read(path: &Path) -> Result<Connection, DatabaseError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | THREADS)?;
    configure_connection(&connection, HURRY)?;
    Ok(connection)
}

/// Each connection is used by one thread at a time.
const THREADS: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

/// What holds for each connection by itself.
fn configure_connection(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    connection.pragma_update(None, "trusted_schema", false)
}

fn bring_up_to_date(connection: &mut Connection, schema: &Schema) -> Result<(), DatabaseError> {
    configure_connection(connection, PATIENCE)?;
    let found = version(connection)?;
    if found > schema.version {
        return Err(DatabaseError::Newer(found));
    }
    // Before the first table: what is dropped is to leave the file smaller.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // A crash of the machine costs the last results, never the file.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    if found == schema.version {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it meanwhile.
    match version(&transaction)? {
        now if now == schema.version => return Ok(()),
        now if now > schema.version => return Err(DatabaseError::Newer(now)),
        _ => {}
    }
    for name in tables(&transaction)? {
        transaction.execute_batch(&format!("DROP TABLE \"{}\"", name.replace('"', "\"\"")))?;
    }
    transaction.execute_batch(schema.tables)?;
    transaction.pragma_update(None, "user_version", schema.version)?;
    transaction.commit()?;
    shrink(connection)?;
    Ok(())
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// The version of the tables in a file; 0 in an empty one.
///
/// # Errors
/// SQLite's reason.
pub fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Empties a file whatever is in it, under the locks of SQLite.
fn empty(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    let emptied = connection.execute_batch("VACUUM");
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)?;
    emptied
}

/// Bytes of the file that hold something.
///
/// # Errors
/// SQLite's reason.
pub fn bytes_used(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = (number("page_count")? - number("freelist_count")?) * number("page_size")?;
    Ok(bytes.unsigned_abs())
}

/// The length of the database file, without its log; 0 if it has none.
pub fn file_bytes(connection: &Connection) -> u64 {
    let path = connection.path().map(Path::new);
    path.and_then(|path| path.metadata().ok()).map_or(0, |file| file.len())
}

/// Gives unused pages back to the file system, as far as no reader still needs the file as it was.
///
/// # Errors
/// SQLite's reason.
pub fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    // One page a row: it is done when all of them were asked for.
    connection.pragma_query(None, "incremental_vacuum", |_| Ok(()))?;
    // The file becomes shorter when its log is copied into it. SQLite does so by itself after a thousand pages.
    connection.pragma_query(None, "wal_checkpoint", |_| Ok(()))
}

/// Makes the folder and an empty file that nobody but the person can read. SQLite gives the files beside it the same permissions.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

/// The file that stands beside another under its name and an ending.
pub fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
