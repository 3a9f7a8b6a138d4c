//! Word statistics of a store for BM25: passages per word, and lengths.
//!
//! The job recomputes them together with the means of languages; a reader would have to read much of the store for a common word. Until
//! then, the numbers are off by at most a fiftieth, which hardly changes their logarithm.

use postgres::GenericClient;

use super::error::StoreError;

/// Recomputes the statistics. Each copy of a file counts, and each passage includes the words of its path.
pub(super) fn count_words(client: &mut impl GenericClient) -> Result<(), StoreError> {
    client.batch_execute(
        "DELETE FROM terms;
        INSERT INTO terms (term, passages) SELECT term, sum(number) FROM (
            SELECT term, count(*) AS number FROM files JOIN texts USING (content), unnest(texts.terms) term GROUP BY term
            UNION ALL
            SELECT term, count(*) FROM files JOIN texts USING (content), unnest(files.terms) term
                WHERE NOT texts.terms @> ARRAY[term] GROUP BY term
        ) counted GROUP BY term;
        UPDATE meta SET (passages, length) = (
            SELECT count(*), coalesce(sum(files.length + texts.length), 0) FROM files JOIN texts USING (content));
        DELETE FROM stems;
        INSERT INTO stems (stem, files) SELECT stem, count(*) FROM files, unnest(stems) stem
            WHERE content IS NOT NULL GROUP BY stem",
    )?;
    Ok(())
}
