//! A SQLite file: creation, migration, repair and examination, independent of the meaning of its tables.
//!
//! Several processes have the file open at once, and the user may delete it meanwhile. SQLite's locks coordinate the processes. Against
//! deletion, our connections never checkpoint on close: that would delete a log by its name, which may belong to a new file by then. For
//! the same reason, damage is repaired in place, and the file is never deleted.

mod look;

pub use look::{Examination, bytes_on_disk, examine};

use std::cmp::Ordering;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

/// How long a writer waits for locks.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a reader waits for locks; data that it misses is recomputed.
const READ_TIMEOUT: Duration = Duration::from_millis(20);

/// Size to which the log file is truncated.
const LOG_BYTES: u32 = 4 << 20;

/// The tables that a program expects.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Raise it with every change of the tables or their contents; stored as `user_version`.
    pub version: u32,
    /// The statements that create the tables.
    pub tables: &'static str,
}

impl Schema {
    /// Whether tables of a version are those of this program; `false` for tables of an older one.
    ///
    /// # Errors
    /// [`DatabaseError::Newer`].
    pub fn is_current(&self, found: u32) -> Result<bool, DatabaseError> {
        match found.cmp(&self.version) {
            Ordering::Less => Ok(false),
            Ordering::Equal => Ok(true),
            Ordering::Greater => Err(DatabaseError::Newer(found)),
        }
    }
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A newer version of the program wrote it.
    #[error("a newer fovea wrote it (version {0} of its tables), so this one leaves it unchanged; update fovea")]
    Newer(u32),
    /// An older version of the program wrote it, and only a writer recreates it.
    #[error("an older fovea wrote it (version {0} of its tables); the next index of the folder recreates it")]
    Older(u32),
    /// A check found this.
    #[error("{0}")]
    Damaged(String),
    /// The folder or file could not be created.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An error of SQLite.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

impl DatabaseError {
    /// Whether the file is corrupt.
    pub fn is_damage(&self) -> bool {
        matches!(self, DatabaseError::Damaged(_))
            || matches!(self.code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }

    /// Whether a value cannot be what a program wrote: SQLite's own check does not notice that.
    pub fn is_damaged_value(&self) -> bool {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
        let DatabaseError::Sql(error) = self else {
            return false;
        };
        matches!(
            error,
            Utf8Error(..) | FromSqlConversionFailure(..) | InvalidColumnType(..) | IntegralValueOutOfRange(..)
        )
    }

    /// Whether a file has become unusable since it was opened. It is corrupt, or another process found it so and emptied it.
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

/// Opens a file for writing. Creates its folder, the file and its tables if they are missing.
///
/// Tables of an older version are recreated. A damaged file is emptied, because all data in it can be recomputed.
///
/// # Errors
/// If the file cannot be used.
pub fn open(path: &Path, schema: &Schema) -> Result<Connection, DatabaseError> {
    make_private(path)?;
    match made_current(path, schema) {
        Err(error) if error.is_damage() => repair(path, schema, Some(&error)),
        other => other,
    }
}

/// Reopens a file after damage, and empties it unless another process already has. `met` is the error that showed the damage, if it is known.
///
/// # Errors
/// If the file cannot be used.
pub fn repair(path: &Path, schema: &Schema, met: Option<&DatabaseError>) -> Result<Connection, DatabaseError> {
    // One process at a time: the second finds the file already repaired.
    let _turn = lock_repair(path)?;
    let connection = connect(path)?;
    let wrong = match configure_connection(&connection, BUSY_TIMEOUT).map_err(DatabaseError::from) {
        Err(error) if error.is_damage() => vec![error.to_string()],
        settled => settled.and_then(|()| check(&connection))?,
    };
    let value = met.filter(|met| met.is_damaged_value()).map(DatabaseError::to_string);
    let wrong: Vec<String> = wrong.into_iter().chain(value).collect();
    if let Some(wrong) = wrong.first() {
        tracing::warn!(path = %path.display(), %wrong, "the file is damaged and will be emptied");
        empty(&connection)?;
    }
    drop(connection);
    made_current(path, schema)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | NO_MUTEX)
}

/// Opens a file and updates its tables.
fn made_current(path: &Path, schema: &Schema) -> Result<Connection, DatabaseError> {
    let mut connection = connect(path)?;
    let end = Instant::now() + BUSY_TIMEOUT;
    loop {
        match bring_up_to_date(&mut connection, schema) {
            Ok(()) => return Ok(connection),
            // Another process is creating the file. Few of SQLite's first steps wait for that themselves.
            Err(error) if error.is_busy() && Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error),
        }
    }
}

/// Locks the repair of a file, until the returned file is closed.
fn lock_repair(path: &Path) -> std::io::Result<File> {
    let path = beside(path, ".lock");
    make_private(&path)?;
    let file = OpenOptions::new().write(true).open(path)?;
    let end = Instant::now() + BUSY_TIMEOUT;
    while let Err(error) = file.try_lock() {
        match error {
            TryLockError::WouldBlock if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            other => return Err(other.into()),
        }
    }
    Ok(file)
}

/// The problems that SQLite's `quick_check` reports.
///
/// # Errors
/// If the file cannot be checked.
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

/// Opens a file that [`open`] has created, for reading.
///
/// # Errors
/// If the file cannot be read.
pub fn open_to_read(path: &Path) -> Result<Connection, DatabaseError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | NO_MUTEX)?;
    configure_connection(&connection, READ_TIMEOUT)?;
    Ok(connection)
}

/// Each connection is used by one thread at a time.
const NO_MUTEX: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

/// Applies the settings of a connection.
fn configure_connection(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    connection.pragma_update(None, "trusted_schema", false)
}

fn bring_up_to_date(connection: &mut Connection, schema: &Schema) -> Result<(), DatabaseError> {
    configure_connection(connection, BUSY_TIMEOUT)?;
    let is_current = schema.is_current(version(connection)?)?;
    // Set before the first table exists, so that later deletions can shrink the file.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // After a system crash, the latest results are lost but the file stays intact.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    if is_current {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have updated it meanwhile.
    if schema.is_current(version(&transaction)?)? {
        return Ok(());
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

/// The version of the tables in a file; 0 for an empty file.
///
/// # Errors
/// An error of SQLite.
pub fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Empties a file whatever its contents, under SQLite's locks.
fn empty(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    let emptied = connection.execute_batch("VACUUM");
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)?;
    emptied
}

/// Bytes of used pages in the file.
///
/// # Errors
/// An error of SQLite.
pub fn bytes_used(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = (number("page_count")? - number("freelist_count")?) * number("page_size")?;
    Ok(bytes.unsigned_abs())
}

/// The length of the database file without its log; 0 for a database in memory.
pub fn file_bytes(connection: &Connection) -> u64 {
    let path = connection.path().map(Path::new);
    path.and_then(|path| path.metadata().ok()).map_or(0, |file| file.len())
}

/// Returns unused pages to the file system, unless a reader still needs them.
///
/// # Errors
/// An error of SQLite.
pub fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    // SQLite frees one page per row, so read all rows.
    connection.pragma_query(None, "incremental_vacuum", |_| Ok(()))?;
    // The file shrinks at a checkpoint, which SQLite does automatically only after a thousand pages.
    connection.pragma_query(None, "wal_checkpoint", |_| Ok(()))
}

/// Creates the folder and an empty file with access for the user only. SQLite gives related files the same permissions.
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

/// The path of a related file: the name with a suffix.
pub fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
