//! Writing to a store. Each step is one transaction that may be done twice: everything is found again by its address.
//!
//! Writers go side by side; what two of them would wait for of each other they take in one order.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postgres::Transaction;

use super::super::encoding::{bytes, kind_number, path, places_in_bytes, skipped_number, skipped_of};
use super::super::files::Stamp;
use super::super::reading::{Address, Contents, UnitVector, item_vector};
use super::super::store::{Entry, Known, New, Store};
use super::super::{IndexError, IndexedItem, is_test_file, is_test_item};
use super::halfvec::Halfvec;
use super::session::Open;
use super::trouble::Trouble;
use super::{Job, centring, schema};
use crate::segment::ItemKind;
use crate::similar::{Calibration, Centre, likeness};
use crate::text::Language;

/// The hour of the server's clock.
pub(super) const HOUR: &str = "floor(extract(epoch FROM now()) / 3600)::bigint";

impl Store for Job {
    fn root(&mut self, folder: &Path, _: &str) -> Result<i64, IndexError> {
        let path = bytes(folder).to_vec();
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

    fn catalogue(&mut self, root: i64) -> Result<HashMap<PathBuf, Known>, IndexError> {
        self.ask(|open| {
            let sql = "SELECT path, size, modified, skipped FROM files WHERE root = $1";
            let rows = open.client.query(sql, &[&root])?;
            let known = rows.iter().map(|row| {
                let stamp = Stamp {
                    size: row.get::<_, i64>(1).unsigned_abs(),
                    modified: row.get(2),
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

    fn settle(&mut self, root: i64, gone: &[&Path], _: i64) -> Result<(), IndexError> {
        let gone: Vec<Vec<u8>> = gone.iter().map(|path| bytes(path).to_vec()).collect();
        self.ask(|open| {
            let mut transaction = together(open)?;
            let sql = "DELETE FROM files WHERE root = $1 AND path = ANY($2) RETURNING content";
            let rows = transaction.query(sql, &[&root, &gone])?;
            let contents: Vec<i64> = rows.iter().filter_map(|row| row.get(0)).collect();
            orphan(&mut transaction, &contents)?;
            transaction.commit()?;
            Ok(())
        })?;
        self.ask(centring::clean_up)?;
        self.ask(centring::settle)
    }
}

fn in_bytes(addresses: &[Address]) -> Vec<&[u8]> {
    addresses.iter().map(|address| &address.0[..]).collect()
}

fn address(bytes: &[u8]) -> Option<Address> {
    bytes.try_into().ok().map(Address)
}

/// A transaction of one of those who write. It waits, for as long as it takes, for one who takes the means away anew.
fn together(open: &mut Open) -> Result<Transaction<'_>, Trouble> {
    let mut transaction = open.client.transaction()?;
    let timeout = super::session::QUESTION.as_millis() * 6;
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
) -> Result<bool, Trouble> {
    let calibration = open.calibration.clone();
    let mut transaction = together(open)?;
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
    let paths: Vec<&[u8]> = entries.iter().map(|entry| bytes(entry.path)).collect();
    let sql = "SELECT content FROM files WHERE root = $1 AND path = ANY($2)";
    let before = transaction.query(sql, &[&root, &paths])?;
    let before: Vec<i64> = before.iter().filter_map(|row| row.get(0)).collect();
    let (mut sizes, mut times, mut contents, mut skipped) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut tests = Vec::new();
    for entry in entries {
        tests.push(is_test_file(entry.path, Language::from_path(entry.path)));
        sizes.push(i64::try_from(entry.stamp.size).unwrap_or(i64::MAX));
        times.push(entry.stamp.modified);
        contents.push(match entry.content {
            Ok(New::Known(id)) => Some(id),
            Ok(New::Read(address, ..)) => ids.get(&address).copied(),
            Err(_) => None,
        });
        skipped.push(entry.content.err().map(|reason| skipped_number(reason) as i16));
    }
    let sql = "INSERT INTO files (root, path, size, modified, test, content, skipped)
        SELECT $1, * FROM unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::boolean[], $6::bigint[], $7::smallint[])
        ON CONFLICT (root, path) DO UPDATE SET size = excluded.size, modified = excluded.modified, test = excluded.test,
            content = excluded.content, skipped = excluded.skipped";
    transaction.execute(sql, &[&root, &paths, &sizes, &times, &tests, &contents, &skipped])?;
    let now: Vec<i64> = contents.into_iter().flatten().collect();
    let sql = "UPDATE contents SET orphaned = NULL WHERE id = ANY($1) AND orphaned IS NOT NULL";
    transaction.execute(sql, &[&now])?;
    orphan(&mut transaction, &before)?;
    transaction.commit()?;
    Ok(true)
}

/// Notes since when no file has some contents, where none has. Whoever drops them looks once more.
fn orphan(transaction: &mut Transaction, contents: &[i64]) -> Result<(), Trouble> {
    let sql = format!(
        "WITH alone AS (
            UPDATE contents SET orphaned = {HOUR} WHERE id = ANY($1) AND orphaned IS NULL
                AND NOT EXISTS (SELECT FROM files WHERE files.content = contents.id) RETURNING id)
        INSERT INTO changes SELECT count(*) FROM items WHERE content IN (SELECT id FROM alone) HAVING count(*) > 0"
    );
    transaction.execute(&sql, &[&contents])?;
    Ok(())
}

fn insert_units(transaction: &mut Transaction, vectors: &HashMap<Address, UnitVector>) -> Result<(), Trouble> {
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

/// The contents that were read, with their items, unless others were as quick: the number of each; `None` where a unit is gone.
fn insert_contents(
    transaction: &mut Transaction,
    read: &BTreeMap<Address, (Language, &Contents)>,
    calibration: &Arc<Calibration>,
) -> Result<Option<HashMap<Address, i64>>, Trouble> {
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
    let centre = centring::centre(transaction, calibration)?;
    insert_items(transaction, &new, &units, &centre)?;
    Ok(Some(ids))
}

/// Units by their address: number and what is kept of them.
type Units = HashMap<Address, (i64, UnitVector)>;

fn units(transaction: &mut Transaction, needed: &HashSet<Address>) -> Result<Units, Trouble> {
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

/// The items of contents that can be compared; others are of no use to those who ask.
fn insert_items(
    transaction: &mut Transaction,
    new: &[(i64, &Contents)],
    units: &Units,
    centre: &Centre,
) -> Result<(), Trouble> {
    let mut rows = ItemRows::default();
    for (content, contents) in new {
        // The items around the one at hand: where each ends, and whether it is a test.
        let mut around: Vec<(usize, bool)> = Vec::new();
        for (ordinal, passage) in contents.passages.iter().enumerate() {
            let item = &passage.item;
            if item.kind == ItemKind::File {
                continue;
            }
            let own = passage.units.iter().map(|unit| &contents.units[*unit].address);
            let own: Vec<&UnitVector> = own.map(|address| &units[address].1).collect();
            let Some(vector) = item_vector(&own) else { continue };
            around.truncate(around.iter().take_while(|(end, _)| item.end.byte <= *end).count());
            let test = is_test_item(item) || around.last().is_some_and(|(_, test)| *test);
            around.push((item.end.byte, test));
            rows.push(*content, ordinal, (item, test), &vector, centre);
        }
    }
    rows.insert(transaction)
}

/// Rows of the table of items, column by column.
#[derive(Default)]
struct ItemRows {
    contents: Vec<i64>,
    ordinals: Vec<i32>,
    names: Vec<String>,
    words: Vec<Option<String>>,
    kinds: Vec<i16>,
    languages: Vec<&'static str>,
    tests: Vec<bool>,
    places: Vec<Vec<u8>>,
    vectors: Vec<Halfvec>,
    centred: Vec<Halfvec>,
}

impl ItemRows {
    fn push(
        &mut self,
        content: i64,
        ordinal: usize,
        (item, test): (&IndexedItem, bool),
        vector: &[f32],
        centre: &Centre,
    ) {
        let mut centred = vector.to_vec();
        centre.apply(item.language, &mut centred);
        self.contents.push(content);
        self.ordinals.push(ordinal as i32);
        // The one character that a text of Postgres cannot hold.
        self.names.push(item.name.replace('\0', "\u{fffd}"));
        self.words
            .push(likeness::words(&item.name).map(|words| words.replace('\0', "\u{fffd}")));
        self.kinds.push(kind_number(item.kind) as i16);
        self.languages.push(item.language.name());
        self.tests.push(test);
        self.places
            .push(places_in_bytes(&[item.start, item.end, item.name_start, item.name_end]));
        self.vectors.push(Halfvec::of(vector));
        self.centred.push(Halfvec::of(&centred));
    }

    fn insert(self, transaction: &mut Transaction) -> Result<(), Trouble> {
        if self.contents.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO items (content, ordinal, name, words, kind, language, test, places, vector, centred)
            SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::boolean[],
                $8::bytea[], $9::halfvec[], $10::halfvec[])";
        transaction.execute(
            sql,
            &[
                &self.contents,
                &self.ordinals,
                &self.names,
                &self.words,
                &self.kinds,
                &self.languages,
                &self.tests,
                &self.places,
                &self.vectors,
                &self.centred,
            ],
        )?;
        let count = self.contents.len() as i64;
        transaction.execute("INSERT INTO changes (items) VALUES ($1)", &[&count])?;
        Ok(())
    }
}
