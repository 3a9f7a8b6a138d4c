//! Writes to a store. Each step is one transaction that may be repeated: all rows are identified by content address.
//!
//! Writers run concurrently; they lock shared rows in a fixed order, which prevents deadlocks.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgvector::HalfVector;
use postgres::Transaction;

use super::super::encoding::{bytes, kind_number, path, places_in_bytes, skipped_number, skipped_of};
use super::super::files::Stamp;
use super::super::lexicon::{PathWords, defined, name_counts, stem};
use super::super::query::name_term;
use super::super::reading::{Address, CONTENTS, Contents, Passage, UnitVector, item_vector};
use super::super::store::{Entry, Known, New, Store};
use super::super::{IndexError, IndexedItem, conventions, is_test_file, is_test_item};
use super::connection::{Open, WRITE_TIMEOUT};
use super::error::StoreError;
use super::schema::HOUR;
use super::{Job, centering, schema};
use crate::segment::ItemKind;
use crate::similar::{Calibration, Center, thresholds};
use crate::text::Language;

/// Version of the index contents.
const CONTENTS_VERSION: i32 = CONTENTS as i32;

impl Store for Job {
    fn root(&mut self, folder: &Path, _: &str) -> Result<i64, IndexError> {
        let path = bytes(folder);
        let link = self.link.as_ref().map(|link| link.pattern().to_owned());
        self.ask(|open| {
            let insert = "INSERT INTO roots (path) SELECT $1 WHERE NOT EXISTS (SELECT FROM roots WHERE path = $1)
                ON CONFLICT DO NOTHING";
            open.client.execute(insert, &[&path])?;
            if let Some(link) = &link {
                let update = "UPDATE roots SET link = $2 WHERE path = $1 AND link IS DISTINCT FROM $2";
                open.client.execute(update, &[&path, link])?;
            }
            let row = open
                .client
                .query_one("SELECT id FROM roots WHERE path = $1", &[&path])?;
            Ok(row.get(0))
        })
    }

    fn catalog(&mut self, root: i64) -> Result<HashMap<PathBuf, Known>, IndexError> {
        self.ask(|open| {
            let sql = "SELECT path, size, modified, skipped, reading FROM files WHERE root = $1";
            let rows = open.client.query(sql, &[&root])?;
            let known = rows.iter().map(|row| {
                // Files with another contents version are read again: no file has this modification time.
                let current = row.get::<_, i32>(4) == CONTENTS_VERSION;
                let stamp = Stamp {
                    size: row.get::<_, i64>(1).unsigned_abs(),
                    modified: if current { row.get(2) } else { i64::MIN },
                };
                let skipped = row.get::<_, Option<i16>>(3);
                let skipped = skipped.map(|number| skipped_of(number.into()));
                (path(row.get(0)), Known { stamp, skipped })
            });
            Ok(known.collect())
        })
    }

    fn contents(&mut self, addresses: &[Address]) -> Result<Vec<Option<i64>>, IndexError> {
        let known = self.ask(|open| {
            let sql = "SELECT address, id FROM contents WHERE address = ANY($1)";
            let rows = open.client.query(sql, &[&in_bytes(addresses)])?;
            Ok(rows
                .iter()
                .map(|row| (row.get(0), row.get(1)))
                .collect::<HashMap<Vec<u8>, i64>>())
        })?;
        Ok(addresses
            .iter()
            .map(|address| known.get(&address.0[..]).copied())
            .collect())
    }

    fn known_units(&mut self, units: &[Address]) -> Result<HashSet<Address>, IndexError> {
        self.ask(|open| {
            let sql = "SELECT address FROM units WHERE address = ANY($1)";
            let rows = open.client.query(sql, &[&in_bytes(units)])?;
            Ok(rows.iter().filter_map(|row| address(row.get(0))).collect())
        })
    }

    fn write(
        &mut self,
        root: i64,
        entries: &[Entry],
        vectors: &HashMap<Address, UnitVector>,
    ) -> Result<bool, IndexError> {
        self.ask(|open| write(open, root, entries, vectors))
    }

    fn finish_renewal(&mut self, root: i64, gone: &[&Path], _: i64) -> Result<(), IndexError> {
        let gone: Vec<Cow<[u8]>> = gone.iter().map(|path| bytes(path)).collect();
        self.ask(|open| {
            let mut transaction = shared_transaction(open)?;
            let sql = "DELETE FROM files WHERE root = $1 AND path = ANY($2) RETURNING content";
            let rows = transaction.query(sql, &[&root, &gone])?;
            let contents: Vec<i64> = rows.iter().filter_map(|row| row.get(0)).collect();
            orphan(&mut transaction, &contents)?;
            write_versions(&mut transaction, root)?;
            transaction.commit()?;
            Ok(())
        })?;
        self.ask(centering::clean_up)?;
        self.ask(centering::refresh)
    }
}

fn in_bytes(addresses: &[Address]) -> Vec<&[u8]> {
    addresses.iter().map(|address| &address.0[..]).collect()
}

fn address(bytes: &[u8]) -> Option<Address> {
    bytes.try_into().ok().map(Address)
}

/// A transaction of a concurrent writer. It waits without a limit while a job recomputes means.
fn shared_transaction(open: &mut Open) -> Result<Transaction<'_>, StoreError> {
    open.limit = Some(WRITE_TIMEOUT);
    let timeout = WRITE_TIMEOUT.as_millis();
    let mut transaction = open.client.transaction()?;
    transaction.batch_execute(&format!(
        "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock_shared({}); SET LOCAL statement_timeout = {timeout}",
        schema::LOCK
    ))?;
    Ok(transaction)
}

fn write(
    open: &mut Open,
    root: i64,
    entries: &[Entry],
    vectors: &HashMap<Address, UnitVector>,
) -> Result<bool, StoreError> {
    let calibration = open.calibration.clone();
    let mut transaction = shared_transaction(open)?;
    insert_units(&mut transaction, vectors)?;
    let mut read: BTreeMap<Address, (Language, &Contents)> = BTreeMap::new();
    let mut known = HashSet::new();
    for entry in entries {
        match entry.content {
            Ok(New::Read(address, language, contents)) => {
                read.insert(address, (language, contents));
            }
            Ok(New::Known(id)) => {
                known.insert(id);
            }
            Err(_) => {}
        }
    }
    let Some(ids) = insert_contents(&mut transaction, &read, &calibration)? else {
        return Ok(false);
    };
    let known: Vec<i64> = known.into_iter().collect();
    let sql = "SELECT count(*) FROM contents WHERE id = ANY($1)";
    let there: i64 = transaction.query_one(sql, &[&known])?.get(0);
    if there != known.len() as i64 {
        return Ok(false);
    }
    let paths: Vec<Cow<[u8]>> = entries.iter().map(|entry| bytes(entry.path)).collect();
    let sql = "SELECT content FROM files WHERE root = $1 AND path = ANY($2)";
    let before = transaction.query(sql, &[&root, &paths])?;
    let before: Vec<i64> = before.iter().filter_map(|row| row.get(0)).collect();
    let (mut sizes, mut times, mut contents, mut skipped) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut tests, mut texts) = (Vec::new(), PathTexts::default());
    for entry in entries {
        tests.push(is_test_file(entry.path, Language::from_path(entry.path)));
        texts.push(entry.path);
        sizes.push(i64::try_from(entry.stamp.size).unwrap_or(i64::MAX));
        times.push(entry.stamp.modified);
        contents.push(match entry.content {
            Ok(New::Known(id)) => Some(id),
            Ok(New::Read(address, ..)) => ids.get(&address).copied(),
            Err(_) => None,
        });
        skipped.push(entry.content.err().map(|reason| skipped_number(reason) as i16));
    }
    let sql = "INSERT INTO files (root, path, size, modified, reading, test, content, skipped, defined, terms, length, stems)
        SELECT $1, path, size, modified, $2, test, content, skipped, defined, terms::integer[], length, stems::text[]
        FROM unnest($3::bytea[], $4::bigint[], $5::bigint[], $6::boolean[], $7::bigint[], $8::smallint[], $9::integer[], $10::text[],
            $11::integer[], $12::text[]) AS new(path, size, modified, test, content, skipped, defined, terms, length, stems)
        ON CONFLICT (root, path) DO UPDATE SET size = excluded.size, modified = excluded.modified, reading = excluded.reading,
            test = excluded.test, content = excluded.content, skipped = excluded.skipped, defined = excluded.defined,
            terms = excluded.terms, length = excluded.length, stems = excluded.stems";
    transaction.execute(
        sql,
        &[
            &root,
            &CONTENTS_VERSION,
            &paths,
            &sizes,
            &times,
            &tests,
            &contents,
            &skipped,
            &texts.defined,
            &texts.terms,
            &texts.lengths,
            &texts.stems,
        ],
    )?;
    let sql = "INSERT INTO stems (stem, files) SELECT stem, 0 FROM unnest($1::text[]) stem ORDER BY stem ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[&texts.all_stems.into_iter().collect::<Vec<_>>()])?;
    let now: Vec<i64> = contents.into_iter().flatten().collect();
    let sql = "UPDATE contents SET orphaned = NULL WHERE id = ANY($1) AND orphaned IS NOT NULL";
    transaction.execute(sql, &[&now])?;
    orphan(&mut transaction, &before)?;
    transaction.commit()?;
    Ok(true)
}

/// Marks contents without a file as orphaned since now. The cleanup checks again before it drops them.
fn orphan(transaction: &mut Transaction, contents: &[i64]) -> Result<(), StoreError> {
    let sql = format!(
        "WITH alone AS (
            UPDATE contents SET orphaned = {HOUR} WHERE id = ANY($1) AND orphaned IS NULL
                AND NOT EXISTS (SELECT FROM files WHERE files.content = contents.id) RETURNING id)
        INSERT INTO changes SELECT count(*) FROM items WHERE content IN (SELECT id FROM alone) HAVING count(*) > 0"
    );
    transaction.execute(&sql, &[&contents])?;
    Ok(())
}

fn insert_units(transaction: &mut Transaction, vectors: &HashMap<Address, UnitVector>) -> Result<(), StoreError> {
    let mut units: Vec<_> = vectors.iter().collect();
    units.sort_by_key(|(address, _)| **address);
    let addresses: Vec<&[u8]> = units.iter().map(|(address, _)| &address.0[..]).collect();
    let tokens: Vec<i32> = units.iter().map(|(_, unit)| unit.tokens as i32).collect();
    let coverage: Vec<f32> = units.iter().map(|(_, unit)| unit.coverage).collect();
    let halves = |unit: &UnitVector| -> Vec<u8> { unit.vector.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let vectors: Vec<Vec<u8>> = units.iter().map(|(_, unit)| halves(unit)).collect();
    let sql = "INSERT INTO units (address, tokens, coverage, vector)
        SELECT * FROM unnest($1::bytea[], $2::integer[], $3::real[], $4::bytea[]) ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[&addresses, &tokens, &coverage, &vectors])?;
    Ok(())
}

/// Inserts new contents with their items, unless other writers have. Returns all identifiers, or `None` if a unit is missing.
fn insert_contents(
    transaction: &mut Transaction,
    read: &BTreeMap<Address, (Language, &Contents)>,
    calibration: &Arc<Calibration>,
) -> Result<Option<HashMap<Address, i64>>, StoreError> {
    let addresses: Vec<&[u8]> = read.keys().map(|address| &address.0[..]).collect();
    let sql =
        "INSERT INTO contents (address) SELECT * FROM unnest($1::bytea[]) ON CONFLICT DO NOTHING RETURNING address";
    let new = transaction.query(sql, &[&addresses])?;
    let new: HashSet<Address> = new.iter().filter_map(|row| address(row.get(0))).collect();
    let rows = transaction.query(
        "SELECT address, id FROM contents WHERE address = ANY($1)",
        &[&addresses],
    )?;
    let ids: HashMap<Address, i64> = rows
        .iter()
        .filter_map(|row| Some((address(row.get(0))?, row.get(1))))
        .collect();
    let new: Vec<(i64, &Contents)> = read
        .iter()
        .filter(|(address, _)| new.contains(address))
        .filter_map(|(address, (_, contents))| Some((*ids.get(address)?, *contents)))
        .collect();
    let needed: HashSet<Address> = new
        .iter()
        .flat_map(|(_, contents)| &contents.units)
        .map(|unit| unit.address)
        .collect();
    let units = units(transaction, &needed)?;
    if units.len() < needed.len() {
        return Ok(None);
    }
    let uses = new
        .iter()
        .flat_map(|(id, contents)| contents.units.iter().map(|unit| (*id, units[&unit.address].0)));
    let (users, used): (Vec<i64>, Vec<i64>) = uses.collect::<HashSet<_>>().into_iter().unzip();
    let sql = "INSERT INTO uses (content, unit) SELECT * FROM unnest($1::bigint[], $2::bigint[])";
    transaction.execute(sql, &[&users, &used])?;
    let center = centering::center(transaction, calibration)?;
    insert_items(transaction, &new, &units, &center)?;
    Ok(Some(ids))
}

/// Units by address: identifier and stored data.
type Units = HashMap<Address, (i64, UnitVector)>;

fn units(transaction: &mut Transaction, needed: &HashSet<Address>) -> Result<Units, StoreError> {
    let needed: Vec<&[u8]> = needed.iter().map(|address| &address.0[..]).collect();
    let sql = "SELECT id, address, tokens, coverage, vector FROM units WHERE address = ANY($1)";
    let rows = transaction.query(sql, &[&needed])?;
    let unit = |row: &postgres::Row| {
        let (halves, _) = row.get::<_, &[u8]>(4).as_chunks::<2>();
        let unit = UnitVector {
            tokens: row.get::<_, i32>(2).unsigned_abs() as usize,
            coverage: row.get(3),
            vector: halves.iter().map(|half| half::f16::from_le_bytes(*half)).collect(),
        };
        Some((address(row.get(1))?, (row.get(0), unit)))
    };
    Ok(rows.iter().filter_map(unit).collect())
}

/// The words of paths, column by column.
///
/// A nested array in Postgres must be rectangular, so each list is passed as text.
#[derive(Default)]
struct PathTexts {
    defined: Vec<i32>,
    terms: Vec<String>,
    lengths: Vec<i32>,
    stems: Vec<String>,
    /// All distinct stems.
    all_stems: BTreeSet<String>,
}

impl PathTexts {
    fn push(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let PathWords { counts, places } = PathWords::of(path);
        let terms: BTreeSet<i32> = counts.iter().map(|(term, _)| term.cast_signed()).collect();
        // Stems of words contain neither quotes nor backslashes.
        let places: BTreeSet<String> = places.into_iter().collect();
        self.defined.push(name_term(stem(&name)).cast_signed());
        self.terms.push(list(terms.iter().map(i32::to_string)));
        self.lengths
            .push(counts.iter().map(|(_, count)| i32::from(*count)).sum());
        self.stems.push(list(places.iter().map(|place| format!("\"{place}\""))));
        self.all_stems.extend(places);
    }
}

/// The text of an array.
fn list(elements: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", elements.collect::<Vec<_>>().join(","))
}

/// Stores the latest version in each folder that contains version folders.
fn write_versions(transaction: &mut Transaction, root: i64) -> Result<(), StoreError> {
    let rows = transaction.query(
        "SELECT path FROM files WHERE root = $1 AND content IS NOT NULL",
        &[&root],
    )?;
    let paths: Vec<PathBuf> = rows.iter().map(|row| path(row.get(0))).collect();
    let latest = conventions::latest_versions(paths.iter().map(PathBuf::as_path));
    let (beside, latest): (Vec<Cow<[u8]>>, Vec<i64>) = latest
        .into_iter()
        .map(|(beside, latest)| (bytes(beside), i64::from(latest)))
        .unzip();
    transaction.execute("DELETE FROM versions WHERE root = $1", &[&root])?;
    let sql = "INSERT INTO versions (root, beside, latest) SELECT $1, * FROM unnest($2::bytea[], $3::bigint[])
        ON CONFLICT (root, beside) DO UPDATE SET latest = excluded.latest";
    transaction.execute(sql, &[&root, &beside, &latest])?;
    Ok(())
}

/// Inserts the passages of contents, including those without a vector: words find them.
fn insert_items(
    transaction: &mut Transaction,
    new: &[(i64, &Contents)],
    units: &Units,
    center: &Center,
) -> Result<(), StoreError> {
    let (mut items, mut texts) = (ItemRows::default(), TextRows::default());
    for (content, contents) in new {
        // The items around the current one, and whether each is a test.
        let mut around: Vec<(&IndexedItem, bool)> = Vec::new();
        for (ordinal, passage) in contents.passages.iter().enumerate() {
            let item = &passage.item;
            let own = passage.units.iter().map(|unit| &contents.units[*unit].address);
            let own: Vec<&UnitVector> = own.map(|address| &units[address].1).collect();
            let holds = |(outer, _): &&(&IndexedItem, bool)| item.end.byte <= outer.end.byte;
            around.truncate(around.iter().take_while(holds).count());
            let test = is_test_item(item) || around.last().is_some_and(|(_, test)| *test);
            let outer = around.last().map(|(outer, _)| outer.name.as_str());
            items.push(
                (*content, ordinal),
                (item, outer, test),
                item_vector(&own).as_deref(),
                center,
            );
            texts.push((*content, ordinal), passage);
            if item.kind != ItemKind::File {
                around.push((item, test));
            }
        }
    }
    items.insert(transaction)?;
    texts.insert(transaction)
}

/// Rows of the table of items, column by column.
#[derive(Default)]
struct ItemRows {
    contents: Vec<i64>,
    ordinals: Vec<i32>,
    names: Vec<String>,
    words: Vec<Option<String>>,
    defined: Vec<i32>,
    around: Vec<Option<String>>,
    kinds: Vec<i16>,
    languages: Vec<&'static str>,
    tests: Vec<bool>,
    places: Vec<Vec<u8>>,
    vectors: Vec<Option<HalfVector>>,
    centered: Vec<Option<HalfVector>>,
}

/// Replaces the NUL character, which Postgres cannot store in text.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

impl ItemRows {
    fn push(
        &mut self,
        (content, ordinal): (i64, usize),
        (item, around, test): (&IndexedItem, Option<&str>, bool),
        vector: Option<&[f32]>,
        center: &Center,
    ) {
        // Passages around items take no part in similarity.
        let compared = vector.filter(|_| item.kind != ItemKind::File);
        let centered = compared.map(|vector| {
            let mut centered = vector.to_vec();
            center.apply(item.language, &mut centered);
            HalfVector::from_f32_slice(&centered)
        });
        self.contents.push(content);
        self.ordinals.push(ordinal as i32);
        self.names.push(text(&item.name));
        self.words.push(thresholds::words(&item.name).map(|words| text(&words)));
        self.defined.push(name_term(defined(&item.name)).cast_signed());
        self.around.push(around.map(text));
        self.kinds.push(kind_number(item.kind) as i16);
        self.languages.push(item.language.name());
        self.tests.push(test);
        self.places
            .push(places_in_bytes(&[item.start, item.end, item.name_start, item.name_end]));
        self.vectors.push(vector.map(HalfVector::from_f32_slice));
        self.centered.push(centered);
    }

    fn insert(self, transaction: &mut Transaction) -> Result<(), StoreError> {
        if self.contents.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO items (content, ordinal, name, words, defined, around, kind, language, test, places, vector, centred)
            SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::smallint[],
                $8::text[], $9::boolean[], $10::bytea[], $11::halfvec[], $12::halfvec[])";
        transaction.execute(
            sql,
            &[
                &self.contents,
                &self.ordinals,
                &self.names,
                &self.words,
                &self.defined,
                &self.around,
                &self.kinds,
                &self.languages,
                &self.tests,
                &self.places,
                &self.vectors,
                &self.centered,
            ],
        )?;
        let count = self.contents.len() as i64;
        transaction.execute("INSERT INTO changes (items) VALUES ($1)", &[&count])?;
        Ok(())
    }
}

/// Rows of the table of texts, column by column.
#[derive(Default)]
struct TextRows {
    contents: Vec<i64>,
    ordinals: Vec<i32>,
    terms: Vec<String>,
    counts: Vec<Vec<u8>>,
    lengths: Vec<i32>,
    fingerprints: Vec<Vec<u8>>,
}

impl TextRows {
    fn push(&mut self, (content, ordinal): (i64, usize), passage: &Passage) {
        let named = match passage.item.kind {
            // The passage has the name of the file, whose words are stored with the path.
            ItemKind::File => "",
            _ => &passage.item.name,
        };
        let mut length = 0;
        let mut words: BTreeMap<i32, u8> = BTreeMap::new();
        for (term, count) in passage.words.iter().chain(name_counts(named)) {
            length += i32::from(count);
            let known = words.entry(term.cast_signed()).or_default();
            *known = known.saturating_add(count);
        }
        self.contents.push(content);
        self.ordinals.push(ordinal as i32);
        self.terms.push(list(words.keys().map(i32::to_string)));
        self.counts.push(words.into_values().collect());
        self.lengths.push(length);
        self.fingerprints.push(passage.fingerprint.to_bytes());
    }

    fn insert(self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let sql = "INSERT INTO texts (content, ordinal, terms, counts, length, fingerprint)
            SELECT content, ordinal, terms::integer[], counts, length, fingerprint
            FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[], $6::bytea[])
                AS new(content, ordinal, terms, counts, length, fingerprint)";
        transaction.execute(
            sql,
            &[
                &self.contents,
                &self.ordinals,
                &self.terms,
                &self.counts,
                &self.lengths,
                &self.fingerprints,
            ],
        )?;
        Ok(())
    }
}
