//! How many passages hold which word, and how long they are: what BM25 needs of all of a store.
//!
//! The job counts them, as often as it counts the means of languages; a reader would have to read a good part of the store for a common
//! word. Until the next count the numbers are off by a fiftieth at most, which hardly moves a logarithm of them.

use postgres::GenericClient;

use super::error::StoreError;

/// Counts all of them. A copy of a file counts as often as there are copies, and each passage has the words of its path.
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
