//! Maintenance of a store: means of languages, removal of unused data, graphs.

use std::collections::HashMap;
use std::sync::Arc;

use pgvector::HalfVector;
use postgres::{GenericClient, Transaction};

use super::connection::{Open, TIMEOUT};
use super::error::StoreError;
use super::schema::HOUR;
use super::snapshot::{floats, view};
use super::{counting, schema};
use crate::similar::density::Sample;
use crate::similar::moments::Moment;
use crate::similar::{Calibration, Center};
use crate::text::Language;

/// A condition on a row of items that selects comparable passages.
pub(super) const COMPARED: &str = "centred IS NOT NULL";

/// How long contents without a file are kept. The user may switch back to their branch.
const KEPT_HOURS: i64 = 30 * 24;

/// Means are recomputed after one in this many items is new or removed.
const CHANGED_SHARE: i64 = 50;

/// Distance from which a moved mean is applied again to its items. Scores are shown with two digits.
const MOVED: f32 = 0.01;

/// Number of items from which graphs pay off. A sequential scan of fewer is as fast, and exact.
const GRAPH_FROM: i64 = 10_000;

/// SQL order of paths as in memory: by component, and by bytes within one.
const LISTED: &str = r#"root, string_to_array(convert_from(path, 'LATIN1'), '/') COLLATE "C""#;

/// The means that are applied to the items now.
pub(super) fn center(client: &mut impl GenericClient, calibration: &Arc<Calibration>) -> Result<Center, StoreError> {
    let rows = client.query("SELECT language, mean FROM means", &[])?;
    let means = rows.iter().map(|row| (Language::from_id(row.get(0)), row.get(1)));
    Ok(Center::from_means(means, calibration.clone()))
}

/// The moments of languages.
pub(super) fn moments(
    client: &mut impl GenericClient,
    width: usize,
) -> Result<Vec<(Language, Arc<Moment>)>, StoreError> {
    let rows = client.query("SELECT language, moment FROM moments", &[])?;
    let moment = |row: &postgres::Row| Some((Language::from_id(row.get(0)), Moment::from_bytes(row.get(1), width)?));
    Ok(rows.iter().filter_map(moment).collect())
}

/// Reloads the means and moments of languages if they have been recomputed.
pub(super) fn refresh_center(open: &mut Open) -> Result<(), StoreError> {
    let known = open.center.as_ref().map(|(centering, _)| *centering);
    let calibration = open.calibration.clone();
    let mut transaction = view(open)?;
    let row = transaction.query_one("SELECT centering, width FROM meta", &[])?;
    let (now, width): (i64, i32) = (row.get(0), row.get(1));
    if known != Some(now) {
        let moments = moments(&mut transaction, width.unsigned_abs() as usize)?;
        let center = center(&mut transaction, &calibration)?.with_moments(moments.into_iter());
        transaction.commit()?;
        open.center = Some((now, center));
    }
    Ok(())
}

/// Drops contents that no file has had for a long time.
pub(super) fn clean_up(open: &mut Open) -> Result<(), StoreError> {
    let old = format!("orphaned < {HOUR} - {KEPT_HOURS}");
    let any = format!("SELECT EXISTS (SELECT FROM contents WHERE {old})");
    if !open.client.query_one(&any, &[])?.get::<_, bool>(0) {
        return Ok(());
    }
    let mut transaction = exclusive_transaction(open)?;
    // A file may have received these contents since they were marked.
    let sql = format!(
        "DELETE FROM contents WHERE {old} AND NOT EXISTS (SELECT FROM files WHERE files.content = contents.id) RETURNING id"
    );
    let gone: Vec<i64> = transaction.query(&sql, &[])?.iter().map(|row| row.get(0)).collect();
    transaction.execute("DELETE FROM items WHERE content = ANY($1)", &[&gone])?;
    transaction.execute("DELETE FROM texts WHERE content = ANY($1)", &[&gone])?;
    let unused = transaction.query("DELETE FROM uses WHERE content = ANY($1) RETURNING unit", &[&gone])?;
    let unused: Vec<i64> = unused.iter().map(|row| row.get(0)).collect();
    let sql = "DELETE FROM units WHERE id = ANY($1) AND NOT EXISTS (SELECT FROM uses WHERE uses.unit = units.id)";
    transaction.execute(sql, &[&unused])?;
    transaction.execute(
        "UPDATE contents SET orphaned = NULL WHERE orphaned IS NOT NULL
            AND EXISTS (SELECT FROM files WHERE files.content = contents.id)",
        &[],
    )?;
    transaction.commit()?;
    Ok(())
}

/// A transaction without a timeout, which begins when no other process writes.
fn exclusive_transaction(open: &mut Open) -> Result<Transaction<'_>, StoreError> {
    open.limit = None;
    let mut transaction = open.client.transaction()?;
    transaction.batch_execute(&format!(
        "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({})",
        schema::LOCK
    ))?;
    Ok(transaction)
}

/// Maintains a store: recomputes means after enough changes, applies moved ones, and builds graphs.
pub(super) fn refresh(open: &mut Open) -> Result<(), StoreError> {
    let moved = recompute_means(open)?;
    open.limit = None;
    open.client.batch_execute("SET statement_timeout = 0")?;
    let tuned = tune(open, moved);
    let timeout = TIMEOUT.as_millis();
    open.client
        .batch_execute(&format!("SET statement_timeout = {timeout}"))?;
    tuned
}

/// Updates statistics after new means, and builds graphs if there are enough items.
fn tune(open: &mut Open, moved: bool) -> Result<(), StoreError> {
    if moved {
        open.client
            .batch_execute("ANALYZE items; ANALYZE texts; ANALYZE files; ANALYZE contents; ANALYZE units")?;
    }
    let counted: i64 = open
        .client
        .query_one("SELECT coalesce(sum(items), 0)::bigint FROM means", &[])?
        .get(0);
    if counted >= GRAPH_FROM { build(open) } else { Ok(()) }
}

/// Recomputes means; returns whether it has.
fn recompute_means(open: &mut Open) -> Result<bool, StoreError> {
    let calibration = open.calibration.clone();
    let mut transaction = exclusive_transaction(open)?;
    let sql = "SELECT (SELECT coalesce(sum(items), 0) FROM changes)::bigint, (SELECT coalesce(sum(items), 0) FROM means)::bigint";
    let row = transaction.query_one(sql, &[])?;
    let (changed, counted): (i64, i64) = (row.get(0), row.get(1));
    if changed == 0 || changed * CHANGED_SHARE < counted {
        return Ok(false);
    }
    // Copies of a file count once.
    let sql = format!(
        "SELECT language, count(*), avg(vector) FROM items WHERE {COMPARED}
            AND EXISTS (SELECT FROM files WHERE files.content = items.content) GROUP BY language"
    );
    let mut counts: Vec<(Language, u64, Vec<f32>)> = Vec::new();
    for row in transaction.query(&sql, &[])? {
        let count = row.get::<_, i64>(1).unsigned_abs();
        counts.push((Language::from_id(row.get(0)), count, floats(&row, 2)));
    }
    let before = center(&mut transaction, &calibration)?;
    let samples = samples(&mut transaction, counts.iter().map(|(language, ..)| *language))?;
    let now = Center::of_counted(counts.iter().cloned(), samples.into_iter(), calibration.clone());
    for (group, mean) in now.means() {
        let own: HashMap<&'static str, u64> = counts
            .iter()
            .filter(|(language, ..)| now.mean(*language).is_some_and(|own| std::ptr::eq(own, mean)))
            .map(|(language, count, _)| (language.name(), *count))
            .collect();
        let items = own.values().sum::<u64>() as i64;
        if before.mean(group).is_some_and(|before| distance(before, mean) < MOVED) {
            let sql = "UPDATE means SET items = $2 WHERE language = $1";
            transaction.execute(sql, &[&group.name(), &items])?;
            continue;
        }
        let sql = "INSERT INTO means (language, items, mean) VALUES ($1, $2, $3)
            ON CONFLICT (language) DO UPDATE SET items = excluded.items, mean = excluded.mean";
        transaction.execute(sql, &[&group.name(), &items, &mean])?;
        let languages: Vec<&str> = own.into_keys().collect();
        let sql =
            format!("UPDATE items SET centred = l2_normalize(vector - $1) WHERE language = ANY($2) AND {COMPARED}");
        transaction.execute(&sql, &[&HalfVector::from_f32_slice(mean), &languages])?;
    }
    let settled = center(&mut transaction, &calibration)?;
    write_moments(
        &mut transaction,
        &settled,
        counts.iter().map(|(language, ..)| *language),
    )?;
    counting::count_words(&mut transaction)?;
    transaction.execute("UPDATE meta SET centering = centering + 1", &[])?;
    transaction.execute("DELETE FROM changes", &[])?;
    transaction.commit()?;
    Ok(true)
}

/// Samples of vectors per group of languages, for the weights of near-copies in the mean.
///
/// The query selects the vectors that memory would keep, in the same order, each content once.
fn samples(
    transaction: &mut impl GenericClient,
    languages: impl Iterator<Item = Language>,
) -> Result<Vec<(Language, Sample)>, StoreError> {
    let sql = format!(
        "WITH first AS (SELECT DISTINCT ON (content) content, root, path FROM files ORDER BY content, {LISTED}),
        grouped AS (
            SELECT content, ordinal, root, path, CASE WHEN language = ANY($1) THEN language ELSE $2 END AS own
            FROM first JOIN items USING (content) WHERE {COMPARED}
        ),
        numbered AS (
            SELECT content, ordinal, own, row_number() OVER (PARTITION BY own ORDER BY {LISTED}, ordinal) - 1 AS number,
                count(*) OVER (PARTITION BY own) AS total
            FROM grouped
        )
        SELECT own, total, vector FROM numbered JOIN items USING (content, ordinal) WHERE {} ORDER BY own, number",
        Sample::kept_of("number", "total")
    );
    let code = languages.filter(|language| language.is_code()).map(Language::name);
    let code: Vec<&str> = code.collect();
    let rows = transaction.query(&sql, &[&code, &Language::Prose.name()])?;
    let groups = rows.chunk_by(|a, b| a.get::<_, &str>(0) == b.get::<_, &str>(0));
    let sample = |own: &[postgres::Row]| {
        let vectors = own.iter().map(|row| floats(row, 2)).collect();
        let total = own[0].get::<_, i64>(1).unsigned_abs() as usize;
        (Language::from_id(own[0].get(0)), Sample::of(total, vectors))
    };
    Ok(groups.map(sample).collect())
}

/// Recomputes the moment of each programming language, if there are several.
///
/// The query samples the items that memory would sample; each copy of a file counts.
fn write_moments(
    transaction: &mut impl GenericClient,
    center: &Center,
    languages: impl Iterator<Item = Language>,
) -> Result<(), StoreError> {
    let languages: Vec<&str> = languages
        .filter(|language| language.is_code())
        .map(Language::name)
        .collect();
    transaction.execute("DELETE FROM moments", &[])?;
    if languages.len() < 2 {
        return Ok(());
    }
    let sql = format!(
        "SELECT language, total, vector FROM (
            SELECT content, ordinal, row_number() OVER own - 1 AS number, count(*) OVER (PARTITION BY language) AS total
            FROM files JOIN items USING (content) WHERE {COMPARED} AND language = ANY($1)
            WINDOW own AS (PARTITION BY language ORDER BY {LISTED}, ordinal)
        ) listed JOIN items USING (content, ordinal) WHERE {} ORDER BY language, number",
        Moment::sampled("number", "total")
    );
    let rows = transaction.query(&sql, &[&languages])?;
    for own in rows.chunk_by(|a, b| a.get::<_, &str>(0) == b.get::<_, &str>(0)) {
        let language = Language::from_id(own[0].get(0));
        let vectors = own.iter().map(|row| {
            let mut vector = floats(row, 2);
            center.apply(language, &mut vector);
            vector
        });
        let vectors: Vec<Vec<f32>> = vectors.collect();
        let width = vectors.first().map_or(0, Vec::len);
        let Some(moment) = Moment::of_sample(own[0].get::<_, i64>(1).unsigned_abs(), &vectors, width) else {
            continue;
        };
        let sql = "INSERT INTO moments (language, moment) VALUES ($1, $2)";
        transaction.execute(sql, &[&language.name(), &moment.to_bytes()])?;
    }
    Ok(())
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

/// Builds missing graphs while other processes read and write. Only one job builds at a time.
fn build(open: &mut Open) -> Result<(), StoreError> {
    let sql = "SELECT pg_try_advisory_lock($1)";
    if !open.client.query_one(sql, &[&schema::BUILDING])?.get::<_, bool>(0) {
        return Ok(());
    }
    let built = GRAPHS.iter().try_for_each(|(name, over)| build_one(open, name, over));
    open.client
        .execute("SELECT pg_advisory_unlock($1)", &[&schema::BUILDING])?;
    built
}

/// Parameters of the graphs.
///
/// Raw vectors all lie near the mean: pgvector's defaults (16 and 64) find 97 % of the ten nearest of 100,000, these find 99.7 %
/// (`docs/scale.md`).
const GRAPH: &str = "m = 24, ef_construction = 160";

/// The graphs and their columns.
const GRAPHS: [(&str, &str); 2] = [
    ("items_nearest", "vector halfvec_cosine_ops"),
    ("items_nearest_centred", "centred halfvec_ip_ops"),
];

fn build_one(open: &mut Open, name: &str, over: &str) -> Result<(), StoreError> {
    let sql = "SELECT indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'fovea' AND c.relname = $1";
    match open.client.query_opt(sql, &[&name])?.map(|row| row.get(0)) {
        Some(true) => return Ok(()),
        // The process that built it was killed.
        Some(false) => open.client.batch_execute(&format!("DROP INDEX CONCURRENTLY {name}"))?,
        None => {}
    }
    let sql = format!("CREATE INDEX CONCURRENTLY {name} ON items USING hnsw ({over}) WITH ({GRAPH})");
    open.client.batch_execute(&sql)?;
    Ok(())
}
