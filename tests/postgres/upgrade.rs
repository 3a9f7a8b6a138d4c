//! Older stores: an older version of the tables, and files that an older program read.

use fovea::similar::index::postgres::Shared;

use crate::{MODEL, Server, folder, found, job, reader, renew};

/// Changes the tables to their first version.
const FIRST: &str = "
    DROP TABLE fovea.meta, fovea.files, fovea.items, fovea.means, fovea.changes, fovea.texts, fovea.terms, fovea.stems,
        fovea.versions, fovea.moments;
    CREATE TABLE fovea.meta (
        version integer NOT NULL,
        model text NOT NULL,
        model_name text NOT NULL,
        width integer NOT NULL,
        centering bigint NOT NULL DEFAULT 0,
        alone boolean PRIMARY KEY DEFAULT true CHECK (alone)
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
    CREATE TABLE fovea.items (
        content bigint NOT NULL,
        ordinal integer NOT NULL,
        name text NOT NULL,
        words text,
        kind smallint NOT NULL,
        language text NOT NULL,
        test boolean NOT NULL,
        places bytea NOT NULL,
        vector public.halfvec(384) NOT NULL,
        centred public.halfvec(384) NOT NULL,
        PRIMARY KEY (content, ordinal)
    );
    CREATE TABLE fovea.means (language text PRIMARY KEY, items bigint NOT NULL, mean real[] NOT NULL);
    CREATE TABLE fovea.changes (items bigint NOT NULL);
    INSERT INTO fovea.files (root, path, size, modified, test, content)
        SELECT 1, decode(md5(id::text), 'hex'), 1, 1, false, id FROM fovea.contents;";

#[test]
fn the_job_brings_a_store_of_the_first_version_up_to_date_and_embeds_nothing_again() {
    let Some(server) = Server::start(None) else { return };
    let (root, mut admin) = (folder(3), server.admin());
    assert_eq!(renew(&mut job(&server), root.path(), "one").embedded, 3);
    let model: (String, String) = {
        let row = admin
            .query_one("SELECT model, model_name FROM fovea.meta", &[])
            .unwrap();
        (row.get(0), row.get(1))
    };
    admin.batch_execute(FIRST).unwrap();
    let sql = "INSERT INTO fovea.meta (version, model, model_name, width) VALUES (1, $1, $2, 384)";
    admin.execute(sql, &[&model.0, &model.1]).unwrap();
    let error = Shared::open(server.place(), &MODEL, None).unwrap_err().to_string();
    assert!(
        error.contains("version 1") && error.contains("run `fovea index DIR --store …` to update it"),
        "{error}"
    );
    let renewal = renew(&mut job(&server), root.path(), "one");
    assert_eq!((renewal.read, renewal.recognized, renewal.embedded), (3, 0, 0));
    let expected = ["number_0", "number_1", "number_2"].map(|name| format!("{name} one/src/f{}.rs", &name[7..]));
    let mut names = found(&reader(&server, None), "sum", 9);
    names.sort();
    assert_eq!(names, expected);
    // Contents from before are dropped after a month; the units stay.
    admin
        .batch_execute("UPDATE fovea.contents SET orphaned = orphaned - 1000")
        .unwrap();
    crate::write(root.path(), "src/f3.rs", &crate::function("number_3", 3));
    renew(&mut job(&server), root.path(), "one");
    for table in ["contents", "units", "items", "texts"] {
        let sql = format!("SELECT count(*) FROM fovea.{table}");
        assert_eq!(admin.query_one(&sql, &[]).unwrap().get::<_, i64>(0), 4, "{table}");
    }
}

#[test]
fn files_of_an_older_reading_version_are_read_again_although_unchanged() {
    let Some(server) = Server::start(None) else { return };
    let root = folder(3);
    renew(&mut job(&server), root.path(), "one");
    assert_eq!(renew(&mut job(&server), root.path(), "one").read, 0);
    server
        .admin()
        .batch_execute("UPDATE fovea.files SET reading = reading - 1 WHERE path = 'src/f1.rs'")
        .unwrap();
    let renewal = renew(&mut job(&server), root.path(), "one");
    assert_eq!((renewal.read, renewal.gone), (1, 0));
    assert_eq!(renew(&mut job(&server), root.path(), "one").read, 0);
}
