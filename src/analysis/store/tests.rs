//! The results file under damage, full disks, other processes and kills.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::writer::Writer;
use super::*;
use crate::analysis::{SourcesReport, UnitReport, WordScore};
use crate::database::{self, open, open_to_read};
use crate::explain::Method;

/// A test that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(30);

fn key(number: u32) -> Key {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_le_bytes());
    bytes[4..8].copy_from_slice(&number.to_le_bytes());
    Key::from_bytes(bytes)
}

/// A result whose values depend on its number.
fn unit(number: u32) -> Entry {
    let words = (0..40).map(|i| WordScore {
        range: i * 7..i * 7 + 5,
        score: (number as f32 + i as f32 * 0.37).sin(),
        rank: i as u32 + 1,
    });
    Entry::Unit(Arc::new(UnitReport {
        method: Method::Decomposition,
        words: words.collect(),
        tokens: 42,
        special: 2,
        coverage: 1.0,
        bias_share: 0.1,
        special_share: 0.2,
        residual: 1e-7,
        embedding: (0..384).map(|i| (number as f32 * 0.11 + i as f32).cos()).collect(),
        ms: 3.25,
        multilingual: None,
    }))
}

fn sources(number: u32) -> Entry {
    Entry::Sources(Arc::new(SourcesReport {
        shares: (0..100).map(|i| (number as f32 + i as f32).sin()).collect(),
        words: 10,
    }))
}

fn place(folder: &Path) -> ResultsFile {
    ResultsFile {
        folder: folder.to_owned(),
        bytes: 64 << 20,
    }
}

/// A store after its file was opened or failed to open.
fn opened(place: ResultsFile) -> Store {
    let store = Store::start(place);
    until(|| !matches!(*lock(&store.shared.phase), Phase::Opening));
    store
}

fn numbers(store: &Store, numbers: std::ops::Range<u32>) -> usize {
    let keys: Vec<Key> = numbers.clone().map(key).collect();
    let found = store.find(&keys);
    assert_eq!(found.len(), keys.len());
    for (number, entry) in numbers.zip(&found) {
        assert!(
            entry.as_ref().is_none_or(|entry| *entry == unit(number)),
            "{number} is another"
        );
    }
    found.iter().flatten().count()
}

fn keep(store: &Store, numbers: std::ops::Range<u32>) {
    numbers.for_each(|number| store.keep(key(number), unit(number)));
}

/// Stores some results in a file.
fn filled(folder: &Path, numbers: std::ops::Range<u32>) {
    let store = Store::start(place(folder));
    keep(&store, numbers);
    store.finish(DEADLINE);
}

fn until(what: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !what() {
        assert!(Instant::now() < end, "the condition never became true");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn intact(folder: &Path) -> i64 {
    let (_, found) = examine(folder).expect("examined");
    let found = found.expect("a file");
    assert!(found.wrong.is_empty() && found.is_current(), "{found:?}");
    found.rows
}

/// The files of a folder with their contents.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| (path.clone(), std::fs::read(path).expect("a file")))
        .collect()
}

/// Writes the whole log into the database file, as SQLite does from time to time.
fn checkpoint(connection: &Connection) {
    let busy: i64 = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .expect("a checkpoint");
    assert_eq!(busy, 0);
}

#[test]
fn another_process_finds_exactly_the_stored_results() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("made/on/the/way");
    let store = opened(place(&folder));
    keep(&store, 0..600);
    store.keep(key(1000), sources(1));
    store.keep(key(1000), sources(2));
    store.finish(DEADLINE);
    let store = opened(place(&folder));
    assert_eq!(numbers(&store, 0..1000), 600);
    assert_eq!(store.find(&[key(1000), key(7)]), [Some(sources(2)), Some(unit(7))]);
    assert_eq!(intact(&folder), 601);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_folder_and_its_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("fovea");
    filled(&folder, 0..3);
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for path in files(&folder).keys() {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
}

#[test]
fn the_least_recently_used_results_are_evicted_and_the_file_keeps_its_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = place(folder.path()).file();
    let mut connection = open(&path, &SCHEMA).expect("a file");
    let limit = 1 << 20;
    for round in 0..20 {
        let notes: Vec<Note> = (0..100)
            .map(|i| round * 100 + i)
            .map(|i| Note::Keep(key(i), unit(i)))
            .collect();
        table::write(&mut connection, &notes, 100 + round).expect("written");
        // A user opens the same document every hour.
        table::write(&mut connection, &[Note::Used((0..20).map(key).collect())], 100 + round).expect("written");
        table::bound(&mut connection, limit).expect("bound");
        assert!(database::bytes_used(&connection).expect("a size") <= limit);
    }
    let there = |number: u32| table::find(&connection, &[key(number)]).expect("found")[0].is_some();
    assert!((0..20).all(there), "used results stay");
    assert!(!(20..500).any(there), "unused results are evicted");
    assert!((1900..2000).all(there), "new results stay");
    let bytes = database::file_bytes(&connection);
    assert!(bytes <= limit, "the file is {bytes} bytes");
    assert!(
        database::bytes_used(&connection).expect("a size") > limit / 2,
        "the limit is used"
    );
}

#[test]
fn a_reader_delays_the_shrinking_of_the_file_only_while_it_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = place(folder.path()).file();
    let mut connection = open(&path, &SCHEMA).expect("a file");
    let notes: Vec<Note> = (0..2000).map(|i| Note::Keep(key(i), unit(i))).collect();
    table::write(&mut connection, &notes, 1).expect("written");
    checkpoint(&connection);
    let limit = 1 << 19;
    assert!(database::file_bytes(&connection) > limit);
    let mut reader = open_to_read(&path).expect("a reader");
    let reading = reader.transaction().expect("a transaction");
    let count = "SELECT count(*) FROM entries";
    let rows: i64 = reading.query_row(count, [], |row| row.get(0)).expect("rows");
    table::bound(&mut connection, limit).expect("bound");
    assert!(database::bytes_used(&connection).expect("a size") <= limit);
    assert!(database::file_bytes(&connection) > limit, "the reader needs it");
    assert_eq!(
        reading.query_row(count, [], |row| row.get::<_, i64>(0)).expect("rows"),
        rows
    );
    drop(reading);
    table::bound(&mut connection, limit).expect("bound");
    assert!(database::file_bytes(&connection) <= limit);
}

#[test]
fn the_hour_of_the_last_use_is_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut connection = open(&place(folder.path()).file(), &SCHEMA).expect("a file");
    table::write(&mut connection, &[Note::Keep(key(1), unit(1))], 5).expect("written");
    drop(connection);
    let used = |number| {
        let connection = open_to_read(&place(folder.path()).file()).expect("a file");
        let found = table::find(&connection, &[key(number)]).expect("found");
        found[0].as_ref().map(|found| found.used)
    };
    assert_eq!(used(1), Some(5));
    let store = opened(place(folder.path()));
    assert_eq!(numbers(&store, 1..2), 1);
    store.finish(DEADLINE);
    assert!(used(1) > Some(400_000), "hours since 1970");
}

#[test]
fn a_damaged_file_is_replaced_by_an_empty_one() {
    // Changes to a file of some hundred pages.
    let damages: [fn(&mut Vec<u8>); 5] = [
        |bytes| *bytes = b"no database at all, but rather a text of some length".repeat(100),
        |bytes| bytes[..100].fill(b'x'),
        |bytes| bytes.truncate(5000),
        |bytes| bytes[100..4096].fill(0xff),
        |bytes| bytes[4096..].fill(0xa5),
    ];
    for (index, damage) in damages.iter().enumerate() {
        let folder = tempfile::tempdir().expect("a folder");
        filled(folder.path(), 0..200);
        let path = place(folder.path()).file();
        let connection = open(&path, &SCHEMA).expect("a file");
        checkpoint(&connection);
        drop(connection);
        let mut bytes = std::fs::read(&path).expect("there");
        damage(&mut bytes);
        std::fs::write(&path, bytes).expect("written");
        let damaged = examine(folder.path()).map(|(_, found)| found.map(|found| found.wrong.is_empty()));
        assert!(
            !matches!(damaged, Ok(Some(true) | None)),
            "damage {index} is seen: {damaged:?}"
        );
        // Two processes meet the damage, either when they open the file or when they read it.
        let (store, other) = (Store::start(place(folder.path())), Store::start(place(folder.path())));
        numbers(&store, 0..200);
        numbers(&other, 0..200);
        until(|| {
            keep(&store, 300..400);
            numbers(&store, 300..400) == 100
        });
        until(|| {
            keep(&other, 400..500);
            numbers(&other, 400..500) == 100
        });
        store.finish(DEADLINE);
        other.finish(DEADLINE);
        assert!(intact(folder.path()) >= 200, "damage {index}");
    }
}

#[test]
fn a_damaged_row_is_ignored_and_written_again() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path(), 0..10);
    let connection = open(&place(folder.path()).file(), &SCHEMA).expect("a file");
    connection
        .execute("UPDATE bodies SET bytes = zeroblob(length(bytes)) WHERE id < 6", [])
        .expect("changed");
    let store = opened(place(folder.path()));
    assert_eq!(numbers(&store, 0..10), 5);
    keep(&store, 0..10);
    store.finish(DEADLINE);
    assert_eq!(numbers(&opened(place(folder.path())), 0..10), 10);
}

#[test]
fn a_file_of_a_newer_version_is_left_unchanged_and_an_older_one_is_replaced() {
    for (version, rows) in [(SCHEMA.version + 1, 0), (SCHEMA.version - 1, 5), (0, 5)] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = place(folder.path()).file();
        let connection = Connection::open(&path).expect("a file");
        connection
            .execute_batch(
                "CREATE TABLE entries (what TEXT); CREATE TABLE \"more of it\" (x); INSERT INTO entries VALUES ('it')",
            )
            .expect("tables");
        connection
            .pragma_update(None, "user_version", version)
            .expect("a version");
        drop(connection);
        let before = files(folder.path());
        filled(folder.path(), 0..5);
        assert_eq!(numbers(&opened(place(folder.path())), 0..5), rows);
        if rows == 0 {
            assert_eq!(files(folder.path()), before, "nothing was changed");
        } else {
            assert_eq!(intact(folder.path()), 5);
        }
    }
}

#[test]
fn a_store_that_cannot_be_opened_acts_as_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a file");
    std::fs::write(&file, "").expect("written");
    let taken = folder.path().join("taken");
    std::fs::create_dir_all(taken.join(FILE)).expect("a folder of the file's name");
    for folder in [file.join("below a file"), taken] {
        let store = opened(place(&folder));
        keep(&store, 0..5);
        assert_eq!(numbers(&store, 0..5), 0);
        store.finish(DEADLINE);
        assert!(!matches!(examine(&folder), Ok((_, Some(_)))));
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_stores_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let allow = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode));
    allow(0o500).expect("allowed");
    // Every folder is writable for root.
    let writable = std::fs::write(folder.path().join("probe"), "").is_ok();
    filled(folder.path(), 0..5);
    let kept = numbers(&opened(place(folder.path())), 0..5);
    allow(0o700).expect("allowed");
    assert_eq!(kept, if writable { 5 } else { 0 });
}

#[test]
fn a_full_disk_drops_results_until_there_is_space_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = SharedPhase {
        phase: Mutex::new(Phase::Opening),
        changed: Condvar::new(),
    };
    let mut writer = Writer::open(&place(folder.path()), &shared).expect("a file");
    let notes = |numbers: std::ops::Range<u32>| -> Vec<Note> {
        numbers.map(|number| Note::Keep(key(number), unit(number))).collect()
    };
    let limit_pages = |writer: &Writer, pages: u32| {
        writer
            .connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .expect("a limit");
    };
    limit_pages(&writer, 60);
    assert!(writer.write(&notes(0..20)));
    assert!(writer.write(&notes(20..200)), "a full disk needs no repair");
    assert!(writer.write(&notes(20..200)));
    let kept = || numbers(&opened(place(folder.path())), 0..200);
    assert_eq!(kept(), 20, "a batch is written as a whole or not at all");
    limit_pages(&writer, 1_000_000);
    assert!(writer.write(&notes(20..200)));
    assert_eq!(kept(), 200);
}

#[test]
fn while_another_connection_writes_reads_succeed_and_writes_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path(), 0..10);
    let store = opened(place(folder.path()));
    assert_eq!(numbers(&store, 0..10), 10);
    let other = open(&place(folder.path()).file(), &SCHEMA).expect("a file");
    other
        .execute_batch("BEGIN IMMEDIATE; DELETE FROM entries")
        .expect("begun");
    keep(&store, 10..20);
    assert_eq!(numbers(&store, 0..10), 10, "uncommitted changes are invisible");
    other.execute_batch("ROLLBACK").expect("ended");
    store.finish(DEADLINE);
    assert_eq!(intact(folder.path()), 20);
}

#[test]
fn an_exclusively_locked_file_acts_as_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path(), 0..10);
    let other = Connection::open(place(folder.path()).file()).expect("a file");
    let alone = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM entries";
    other.execute_batch(alone).expect("locked");
    let store = Store::start(place(folder.path()));
    let asked = Instant::now();
    assert_eq!((numbers(&store, 0..10), numbers(&store, 0..10)), (0, 0));
    assert!(
        asked.elapsed() < OPENING * 2,
        "only the first lookup waits, and not for long"
    );
    keep(&store, 10..20);
    store.finish(DEADLINE);
    drop(other);
    assert_eq!(numbers(&opened(place(folder.path())), 0..20), 10);
}

#[test]
fn examining_a_file_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(examine(&folder.path().join("nowhere")).expect("nothing").1.is_none());
    assert!(!folder.path().join("nowhere").exists());
    filled(folder.path(), 0..50);
    let before = files(folder.path());
    assert_eq!(intact(folder.path()), 50);
    let after = files(folder.path());
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let path = place(folder.path()).file();
    assert_eq!(before[&path], after[&path]);
    // A file without its log can be examined as well, and no log is created.
    let connection = open(&path, &SCHEMA).expect("a file");
    checkpoint(&connection);
    drop(connection);
    let alone = tempfile::tempdir().expect("a folder");
    let odd = alone
        .path()
        .join(if cfg!(windows) { "50% of #1" } else { "50% of #1?" });
    std::fs::create_dir(&odd).expect("a folder");
    std::fs::copy(&path, odd.join(FILE)).expect("copied");
    let before = files(&odd);
    assert_eq!(intact(&odd), 50);
    assert_eq!(files(&odd), before);
}

/// Runs one of the two ignored tests below in a process of its own.
fn process(test: &str, folder: &Path, first: u32) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", &format!("analysis::store::tests::{test}"), "--ignored"])
        .env("FOVEA_TEST_STORE", folder)
        .env("FOVEA_TEST_FIRST", first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process")
}

/// The parameters of such a process; `None` if a user runs the ignored tests directly.
fn parameters() -> Option<(PathBuf, u32)> {
    let folder = std::env::var_os("FOVEA_TEST_STORE")?;
    let first = std::env::var("FOVEA_TEST_FIRST").ok()?.parse().ok()?;
    Some((folder.into(), first))
}

/// Results of one batch of the processes below.
const BATCH: u32 = 256;

#[test]
#[ignore = "run by a_process_killed_at_any_moment_leaves_an_intact_file in a process of its own"]
fn write_forever() {
    let Some((folder, first)) = parameters() else { return };
    let store = opened(bounded(&folder));
    for batch in 0.. {
        let from = first + batch * BATCH;
        keep(&store, from..from + BATCH);
        if batch > 0 {
            until(|| numbers(&store, from - BATCH..from) == BATCH as usize);
            writeln!(std::io::stdout(), "\nwritten {batch}").expect("a reader");
        }
    }
}

/// A limit so small that rows are evicted from time to time.
fn bounded(folder: &Path) -> ResultsFile {
    ResultsFile {
        folder: folder.to_owned(),
        bytes: 6 << 20,
    }
}

#[test]
fn a_process_killed_at_any_moment_leaves_an_intact_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..20 {
        let first = round * 1_000_000;
        let mut child = process("write_forever", folder.path(), first);
        let wanted = 1 + round % 4;
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = format!("written {wanted}");
        assert!(lines.any(|read| read.is_ok_and(|read| read == line)), "round {round}");
        // The process now writes the next batch.
        child.kill().expect("killed");
        child.wait().expect("gone");
        assert!(intact(folder.path()) > 0, "round {round}");
        let store = opened(bounded(folder.path()));
        let confirmed = first + (wanted - 1) * BATCH..first + wanted * BATCH;
        assert_eq!(numbers(&store, confirmed), BATCH as usize, "round {round}");
        store.finish(DEADLINE);
    }
}

#[test]
#[ignore = "run by two_processes_share_a_file in a process of its own"]
fn write_some() {
    let Some((folder, first)) = parameters() else { return };
    let store = opened(place(&folder));
    for from in (first..first + 1000).step_by(50) {
        keep(&store, from..from + 50);
        // Each result of the other process is either missing or correct.
        numbers(&store, 0..2000);
    }
    store.finish(DEADLINE);
}

#[test]
fn two_processes_share_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    // All of them create it.
    let children = [0, 1000, 0].map(|first| process("write_some", folder.path(), first));
    for child in children {
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert_eq!(intact(folder.path()), 2000);
    assert_eq!(numbers(&opened(place(folder.path())), 0..2000), 2000);
}
