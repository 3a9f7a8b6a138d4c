//! The tables of a store in their own schema, with checks of version and model.
//!
//! They extend the tables of the file (`index/table.rs`): each passage has its vector, raw and centered, and its words in an index, so that
//! the server can find candidates. `docs/scale.md` describes them.

use std::sync::Arc;

use postgres::{Client, GenericClient, Transaction};

use super::error::StoreError;
use crate::similar::Calibration;

/// The kind of passages around items.
pub(super) const FILE: i16 = 3;

/// Raise it with every change of the tables or their contents.
const VERSION: i32 = 2;

/// The oldest version that the job can update.
const UPGRADABLE: i32 = 1;

/// Hours since 1970, by the server's clock.
pub(super) const HOUR: &str = "floor(extract(epoch FROM now()) / 3600)::bigint";

/// The lock of writers (shared) and of exclusive steps. These create tables or recompute means.
pub(super) const LOCK: i64 = 0x66_6f76_6561;

/// The lock of the process that builds the graphs.
pub(super) const BUILDING: i64 = LOCK + 1;

/// The first version of pgvector with `halfvec`.
const EXTENSION: (u32, u32) = (0, 7);

/// The first version of pgvector with iterative scans. Such a search continues until the filters leave enough rows.
const ITERATIVE: (u32, u32) = (0, 8);

/// Size of the candidate list in a graph search (`hnsw.ef_search`).
const BREADTH: u32 = 600;

/// The model that embeds queries or files.
#[derive(Debug, Clone)]
pub(super) struct Reads {
    pub id: String,
    pub name: String,
    /// The width of its vectors.
    pub width: usize,
    /// The calibration of the model.
    pub calibration: Arc<Calibration>,
}

/// Tables that are the same in all versions.
const STABLE_TABLES: &str = "
    CREATE TABLE fovea.roots (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        path bytea NOT NULL UNIQUE,
        link text
    );
    CREATE TABLE fovea.contents (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        address bytea NOT NULL UNIQUE,
        orphaned bigint
    );
    CREATE INDEX contents_orphaned ON fovea.contents (orphaned) WHERE orphaned IS NOT NULL;
    CREATE TABLE fovea.units (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        address bytea NOT NULL UNIQUE,
        tokens integer NOT NULL,
        coverage real NOT NULL,
        vector bytea NOT NULL
    );
    CREATE TABLE fovea.uses (
        content bigint NOT NULL,
        unit bigint NOT NULL,
        PRIMARY KEY (content, unit)
    );
    CREATE INDEX uses_by_unit ON fovea.uses (unit);";

/// Tables that changed since the first version.
///
/// Both `items` and `texts` describe passages: rows of `items` are rewritten when a mean moves, rows of `texts` never, and a word search
/// reads only `texts`.
fn tables(width: usize) -> String {
    format!(
        "CREATE TABLE fovea.meta (
            version integer NOT NULL,
            model text NOT NULL,
            model_name text NOT NULL,
            width integer NOT NULL,
            centering bigint NOT NULL DEFAULT 0,
            passages bigint NOT NULL DEFAULT 0,
            length bigint NOT NULL DEFAULT 0,
            alone boolean PRIMARY KEY DEFAULT true CHECK (alone)
        );
        CREATE TABLE fovea.files (
            root bigint NOT NULL,
            path bytea NOT NULL,
            size bigint NOT NULL,
            modified bigint NOT NULL,
            reading integer NOT NULL,
            test boolean NOT NULL,
            content bigint,
            skipped smallint,
            defined integer NOT NULL,
            terms integer[] NOT NULL,
            length integer NOT NULL,
            stems text[] NOT NULL,
            PRIMARY KEY (root, path)
        );
        CREATE INDEX files_by_content ON fovea.files (content);
        CREATE INDEX files_by_name ON fovea.files (defined);
        CREATE INDEX files_by_terms ON fovea.files USING gin (terms);
        CREATE INDEX files_by_stems ON fovea.files USING gin (stems);
        CREATE TABLE fovea.items (
            content bigint NOT NULL,
            ordinal integer NOT NULL,
            name text NOT NULL,
            words text,
            defined integer NOT NULL,
            around text,
            kind smallint NOT NULL,
            language text NOT NULL,
            test boolean NOT NULL,
            places bytea NOT NULL,
            vector halfvec({width}),
            centred halfvec({width}),
            PRIMARY KEY (content, ordinal)
        );
        CREATE INDEX items_by_words ON fovea.items (words) WHERE words IS NOT NULL;
        CREATE INDEX items_by_name ON fovea.items (defined) WHERE kind <> {FILE};
        CREATE INDEX items_by_language ON fovea.items (language);
        CREATE TABLE fovea.texts (
            content bigint NOT NULL,
            ordinal integer NOT NULL,
            terms integer[] NOT NULL,
            counts bytea NOT NULL,
            length integer NOT NULL,
            fingerprint bytea NOT NULL,
            PRIMARY KEY (content, ordinal)
        );
        CREATE INDEX texts_by_terms ON fovea.texts USING gin (terms);
        CREATE TABLE fovea.terms (
            term integer PRIMARY KEY,
            passages bigint NOT NULL
        );
        CREATE TABLE fovea.stems (
            stem text COLLATE \"C\" PRIMARY KEY,
            files bigint NOT NULL
        );
        CREATE TABLE fovea.versions (
            root bigint NOT NULL,
            beside bytea NOT NULL,
            latest bigint NOT NULL,
            PRIMARY KEY (root, beside)
        );
        CREATE TABLE fovea.means (
            language text PRIMARY KEY,
            items bigint NOT NULL,
            mean real[] NOT NULL
        );
        CREATE TABLE fovea.moments (
            language text PRIMARY KEY,
            moment bytea NOT NULL
        );
        CREATE TABLE fovea.changes (items bigint NOT NULL);"
    )
}

/// Drops the tables of version 1 that have changed.
///
/// Vectors of units stay, so no text is embedded again; files are read again, because their words were not stored. Old contents get an
/// address that no file has, and are dropped after a month, together with unused units.
const UPGRADE: &str = "
    DROP TABLE fovea.meta, fovea.files, fovea.items, fovea.means, fovea.changes;
    UPDATE fovea.contents SET address = address || '\\x00'::bytea, orphaned = floor(extract(epoch FROM now()) / 3600)::bigint;";

/// Creates missing tables, and checks existing ones.
pub(super) fn make(client: &mut Client, model: &Reads) -> Result<(), StoreError> {
    if !exists(client)? {
        let mut transaction = client.transaction()?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])?;
        // Another process may have created them.
        if !exists(&mut transaction)? {
            create_all(&mut transaction, model)?;
        }
        transaction.commit()?;
    }
    set_up(client)?;
    if version(client)? == Some(UPGRADABLE) {
        upgrade(client, model)?;
    }
    fits(client, model)
}

/// Updates the tables of version 1 under an exclusive lock, without a timeout.
fn upgrade(client: &mut Client, model: &Reads) -> Result<(), StoreError> {
    fits_model(client, model)?;
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&format!(
        "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({LOCK})"
    ))?;
    // Another process may have updated them.
    if version(&mut transaction)? == Some(UPGRADABLE) {
        transaction.batch_execute(UPGRADE)?;
        create_versioned(&mut transaction, model)?;
    }
    transaction.commit()?;
    Ok(())
}

fn create_all(transaction: &mut Transaction, model: &Reads) -> Result<(), StoreError> {
    if extension(transaction)?.is_none() {
        transaction.batch_execute("CREATE EXTENSION vector").map_err(|error| {
            let why = super::error::words(&error);
            StoreError::Extension(format!(
                "the database lacks the extension pgvector ({why}); ask its administrator to run CREATE EXTENSION vector"
            ))
        })?;
    }
    set_up(transaction)?;
    // Creating a schema needs more rights than using an existing one.
    let sql = "SELECT NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'fovea')";
    if transaction.query_one(sql, &[])?.get(0) {
        transaction.batch_execute("CREATE SCHEMA fovea")?;
    }
    transaction.batch_execute(STABLE_TABLES)?;
    create_versioned(transaction, model)
}

/// Creates the tables that changed since the first version.
fn create_versioned(transaction: &mut Transaction, model: &Reads) -> Result<(), StoreError> {
    transaction.batch_execute(&tables(model.width))?;
    let width = i32::try_from(model.width).unwrap_or(i32::MAX);
    transaction.execute(
        "INSERT INTO fovea.meta (version, model, model_name, width) VALUES ($1, $2, $3, $4)",
        &[&VERSION, &model.id, &model.name, &width],
    )?;
    Ok(())
}

/// Checks that tables exist and fit our version and model.
pub(super) fn check(client: &mut Client, model: &Reads) -> Result<(), StoreError> {
    if extension(client)?.is_none() || !exists(client)? {
        return Err(StoreError::Empty);
    }
    set_up(client)?;
    fits(client, model)
}

/// Whether the tables exist.
fn exists(client: &mut impl GenericClient) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) > 0 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'fovea' AND c.relname = 'meta'";
    Ok(client.query_one(sql, &[])?.get(0))
}

/// The extension as installed in the database.
struct Extension {
    version: (u32, u32),
    /// The schema that contains it, quoted.
    schema: String,
}

/// The installed extension, if any.
fn extension(client: &mut impl GenericClient) -> Result<Option<Extension>, StoreError> {
    let sql = "SELECT extversion, quote_ident(nspname) FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
        WHERE extname = 'vector'";
    let Some(row) = client.query_opt(sql, &[])? else {
        return Ok(None);
    };
    let version: String = row.get(0);
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let schema = row.get(1);
    Ok(Some(Extension { version, schema }))
}

/// Settings of each connection.
fn set_up(client: &mut impl GenericClient) -> Result<(), StoreError> {
    let Some(Extension { version, schema }) = extension(client)? else {
        return Err(StoreError::Empty);
    };
    if version < EXTENSION {
        let (ours, theirs) = (
            format!("{}.{}", EXTENSION.0, EXTENSION.1),
            format!("{}.{}", version.0, version.1),
        );
        return Err(StoreError::Extension(format!(
            "its pgvector is {theirs}, but fovea needs {ours}; ask its administrator to run ALTER EXTENSION vector UPDATE"
        )));
    }
    client.batch_execute(&format!(
        "SET search_path = fovea, {schema}, pg_temp; SET hnsw.ef_search = {}",
        BREADTH
    ))?;
    if version >= ITERATIVE {
        // Without an iterative scan, a selective filter leaves fewer rows than requested. Strict order would drop rows that it meets late;
        // the client sorts the proposals anyway.
        client.batch_execute("SET hnsw.iterative_scan = relaxed_order; SET hnsw.max_scan_tuples = 100000")?;
    }
    Ok(())
}

/// The version of the tables; all versions have this column.
fn version(client: &mut impl GenericClient) -> Result<Option<i32>, StoreError> {
    let row = client.query_opt("SELECT version FROM fovea.meta", &[])?;
    Ok(row.map(|row| row.get(0)))
}

fn fits(client: &mut Client, model: &Reads) -> Result<(), StoreError> {
    let version = version(client)?.ok_or(StoreError::Empty)?;
    match version {
        VERSION => fits_model(client, model),
        UPGRADABLE => Err(StoreError::Behind(version)),
        ..VERSION => Err(StoreError::Older(version)),
        _ => Err(StoreError::Newer(version)),
    }
}

fn fits_model(client: &mut Client, model: &Reads) -> Result<(), StoreError> {
    let row = client.query_one("SELECT model, model_name FROM fovea.meta", &[])?;
    let (id, name): (String, String) = (row.get(0), row.get(1));
    if id == model.id {
        return Ok(());
    }
    // Two models of the same name differ in weights, or in how they read identifiers.
    let described = |name: &str, id: &str| format!("{name} ({})", id.chars().take(12).collect::<String>());
    Err(StoreError::OtherModel {
        theirs: described(&name, &id),
        ours: described(&model.name, &model.id),
    })
}
