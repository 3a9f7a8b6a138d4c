//! The tables of a store, in a schema of their own, and whether they are those that we know.
//!
//! They say what those of the file say (`index/table.rs`), and more: each item has its vector, as it is and less the mean of its
//! language, so that the server can look for the nearest by itself.

use postgres::{Client, GenericClient, Transaction};

use super::session::Reads;
use super::trouble::Trouble;

/// Grows with every change of the tables or of what stands in them.
const VERSION: i32 = 1;

/// The lock of those who write, shared, and of the one who makes the tables or takes the means away anew, alone.
pub(super) const LOCK: i64 = 0x66_6f76_6561;

/// The lock of the one who builds the graphs.
pub(super) const BUILDING: i64 = LOCK + 1;

/// Vectors in halves came with this version.
const EXTENSION: (u32, u32) = (0, 7);

/// From this version on, a search through the graph goes on until the filters have left enough.
const ITERATIVE: (u32, u32) = (0, 8);

fn tables(width: usize) -> String {
    format!(
        "CREATE TABLE fovea.meta (
            version integer NOT NULL,
            model text NOT NULL,
            model_name text NOT NULL,
            width integer NOT NULL,
            centring bigint NOT NULL DEFAULT 0,
            alone boolean PRIMARY KEY DEFAULT true CHECK (alone)
        );
        CREATE TABLE fovea.roots (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            path bytea NOT NULL UNIQUE,
            link text
        );
        CREATE TABLE fovea.files (
            root bigint NOT NULL,
            path bytea NOT NULL,
            size bigint NOT NULL,
            modified bigint NOT NULL,
            test boolean NOT NULL,
            content bigint,
            skipped smallint,
            PRIMARY KEY (root, path)
        );
        CREATE INDEX files_by_content ON fovea.files (content);
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
        CREATE INDEX uses_by_unit ON fovea.uses (unit);
        CREATE TABLE fovea.items (
            content bigint NOT NULL,
            ordinal integer NOT NULL,
            name text NOT NULL,
            words text,
            kind smallint NOT NULL,
            language text NOT NULL,
            test boolean NOT NULL,
            places bytea NOT NULL,
            vector halfvec({width}) NOT NULL,
            centred halfvec({width}) NOT NULL,
            PRIMARY KEY (content, ordinal)
        );
        CREATE INDEX items_by_words ON fovea.items (words) WHERE words IS NOT NULL;
        CREATE INDEX items_by_language ON fovea.items (language);
        CREATE TABLE fovea.means (
            language text PRIMARY KEY,
            items bigint NOT NULL,
            mean real[] NOT NULL
        );
        CREATE TABLE fovea.changes (items bigint NOT NULL);"
    )
}

/// Makes the tables where there are none, and checks those that there are.
pub(super) fn make(client: &mut Client, model: &Reads) -> Result<(), Trouble> {
    if !exists(client)? {
        let mut transaction = client.transaction()?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])?;
        // Others may be as quick.
        if !exists(&mut transaction)? {
            make_alone(&mut transaction, model)?;
        }
        transaction.commit()?;
    }
    set_up(client)?;
    fits(client, model)
}

fn make_alone(transaction: &mut Transaction, model: &Reads) -> Result<(), Trouble> {
    if extension(transaction)?.is_none() {
        transaction.batch_execute("CREATE EXTENSION vector").map_err(|error| {
            let why = super::trouble::words(&error);
            Trouble::Extension(format!(
                "the extension pgvector is not in the database ({why}); an administrator of it runs CREATE EXTENSION vector"
            ))
        })?;
    }
    set_up(transaction)?;
    // To make one is another right than to use one that somebody has made for us.
    let sql = "SELECT NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'fovea')";
    if transaction.query_one(sql, &[])?.get(0) {
        transaction.batch_execute("CREATE SCHEMA fovea")?;
    }
    transaction.batch_execute(&tables(model.width))?;
    let width = i32::try_from(model.width).unwrap_or(i32::MAX);
    transaction.execute(
        "INSERT INTO fovea.meta (version, model, model_name, width) VALUES ($1, $2, $3, $4)",
        &[&VERSION, &model.id, &model.name, &width],
    )?;
    Ok(())
}

/// Checks that there are tables, of our version and with vectors of a model.
pub(super) fn check(client: &mut Client, model: &Reads) -> Result<(), Trouble> {
    if extension(client)?.is_none() || !exists(client)? {
        return Err(Trouble::Empty);
    }
    set_up(client)?;
    fits(client, model)
}

/// Whether somebody has made the tables.
fn exists(client: &mut impl GenericClient) -> Result<bool, Trouble> {
    let sql = "SELECT count(*) > 0 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'fovea' AND c.relname = 'meta'";
    Ok(client.query_one(sql, &[])?.get(0))
}

/// The extension as it is in a database.
struct Extension {
    version: (u32, u32),
    /// The schema it is in, quoted.
    schema: String,
}

/// The extension, if it is there.
fn extension(client: &mut impl GenericClient) -> Result<Option<Extension>, Trouble> {
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

/// What holds for each connection by itself.
fn set_up(client: &mut impl GenericClient) -> Result<(), Trouble> {
    let Some(Extension { version, schema }) = extension(client)? else {
        return Err(Trouble::Empty);
    };
    if version < EXTENSION {
        let (ours, theirs) = (
            format!("{}.{}", EXTENSION.0, EXTENSION.1),
            format!("{}.{}", version.0, version.1),
        );
        return Err(Trouble::Extension(format!(
            "its pgvector is {theirs}, and {ours} is needed; an administrator of it runs ALTER EXTENSION vector UPDATE"
        )));
    }
    client.batch_execute(&format!(
        "SET search_path = fovea, {schema}, pg_temp; SET hnsw.ef_search = {}",
        super::read::BREADTH
    ))?;
    if version >= ITERATIVE {
        // Without it a filter that little passes leaves fewer than were asked for.
        client.batch_execute("SET hnsw.iterative_scan = strict_order; SET hnsw.max_scan_tuples = 100000")?;
    }
    Ok(())
}

fn fits(client: &mut Client, model: &Reads) -> Result<(), Trouble> {
    // The first column alone is one that every version has.
    let version: i32 = match client.query_opt("SELECT version FROM fovea.meta", &[])? {
        Some(row) => row.get(0),
        None => return Err(Trouble::Empty),
    };
    match version.cmp(&VERSION) {
        std::cmp::Ordering::Greater => return Err(Trouble::Newer(version)),
        std::cmp::Ordering::Less => return Err(Trouble::Older(version)),
        std::cmp::Ordering::Equal => {}
    }
    let row = client.query_one("SELECT model, model_name FROM fovea.meta", &[])?;
    let (id, name): (String, String) = (row.get(0), row.get(1));
    if id == model.id {
        return Ok(());
    }
    // Two of one name differ in their weights or in how they read identifiers.
    let told = |name: &str, id: &str| format!("{name} ({})", id.chars().take(12).collect::<String>());
    Err(Trouble::OtherModel {
        theirs: told(&name, &id),
        ours: told(&model.name, &model.id),
    })
}
