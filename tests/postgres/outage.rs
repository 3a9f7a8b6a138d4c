//! Servers that become unreachable.

use std::time::Duration;

use fovea::model::UNSTOPPED;
use fovea::similar::index::{Collection, Filter, Limits};
use postgres::Client;

use crate::{MODEL, Server, folder, found, job, named, query, reader, renew};

/// Waits until a statement waits for a lock on the items.
fn until_blocked(admin: &mut Client) {
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'fovea.items'::regclass";
    while admin.query_one(waiting, &[]).unwrap().get::<_, i64>(0) == 0 {
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_server_killed_during_a_query_is_reported_and_a_later_query_is_answered() {
    let Some(server) = Server::start(None) else { return };
    renew(&mut job(&server), folder(3).path(), "one");
    let (store, query) = (reader(&server, None), query("sum"));
    let mut admin = server.admin();
    std::thread::scope(|scope| {
        let mut holder = server.admin();
        let mut holder = holder.transaction().unwrap();
        holder
            .batch_execute("LOCK TABLE fovea.items IN ACCESS EXCLUSIVE MODE")
            .unwrap();
        let asked = scope.spawn(|| store.search(&query, &Filter::default(), 3));
        until_blocked(&mut admin);
        server.kill();
        let error = asked.join().unwrap().unwrap_err().to_string();
        assert!(
            error.starts_with("the store index on ") && error.contains("cannot be reached"),
            "{error}"
        );
        let next = store.search(&query, &Filter::default(), 3).unwrap_err().to_string();
        assert!(next.contains("tries again in 1 s"), "{next}");
    });
    server.go();
    // The client waits between attempts, so that a restarted server is not overloaded.
    while store.search(&query, &Filter::default(), 3).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(found(&store, "sum", 9).len(), 3);
}

#[test]
fn a_connection_cut_between_two_queries_is_renewed_without_an_error() {
    let Some(server) = Server::start(None) else { return };
    let (root, mut job) = (folder(2), job(&server));
    renew(&mut job, root.path(), "one");
    let (store, mut admin) = (reader(&server, None), server.admin());
    for _ in 0..3 {
        assert_eq!(found(&store, "sum", 9).len(), 2);
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'fovea'";
        assert_eq!(admin.query_one(cut, &[]).unwrap().get::<_, i64>(0), 2);
        // The job reconnects as well.
        assert_eq!(renew(&mut job, root.path(), "one").read, 0);
    }
}

#[test]
fn a_job_continues_when_the_server_is_back() {
    let Some(server) = Server::start(None) else { return };
    let (root, mut job) = (folder(4), job(&server));
    renew(&mut job, root.path(), "one");
    server.kill();
    std::thread::scope(|scope| {
        let renewed = scope.spawn(|| renew(&mut job, root.path(), "two"));
        server.go();
        assert_eq!(renewed.join().unwrap().recognized, 4);
    });
}

#[test]
fn a_question_that_takes_too_long_is_stopped() {
    let Some(server) = Server::start(None) else { return };
    renew(&mut job(&server), folder(1).path(), "one");
    let store = reader(&server, None);
    let mut holder = server.admin();
    let mut holder = holder.transaction().unwrap();
    holder
        .batch_execute("LOCK TABLE fovea.items IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    let error = store.is_empty().unwrap_err().to_string();
    assert!(error.contains("took longer than 5 s"), "{error}");
    holder.rollback().unwrap();
    assert!(!store.is_empty().unwrap());
}

#[test]
fn a_write_that_takes_too_long_names_its_own_limit() {
    let Some(server) = Server::start(None) else { return };
    let (root, mut job) = (folder(1), job(&server));
    let mut holder = server.admin();
    let mut holder = holder.transaction().unwrap();
    holder
        .batch_execute("LOCK TABLE fovea.items IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    let renewed = job.renew(&MODEL, named(root.path(), "one"), &Limits::default(), UNSTOPPED, |_| {});
    let error = renewed.unwrap_err().to_string();
    assert!(error.contains("took longer than 30 s"), "{error}");
    holder.rollback().unwrap();
    assert_eq!(renew(&mut job, root.path(), "one").items, 1);
}

#[test]
fn a_question_that_an_administrator_cancels_is_not_called_slow() {
    let Some(server) = Server::start(None) else { return };
    renew(&mut job(&server), folder(1).path(), "one");
    let (store, mut admin) = (reader(&server, None), server.admin());
    let mut holder = server.admin();
    let mut holder = holder.transaction().unwrap();
    holder
        .batch_execute("LOCK TABLE fovea.items IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| store.is_empty());
        until_blocked(&mut admin);
        let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'fovea'";
        admin.query(cancel, &[]).unwrap();
        let error = asked.join().unwrap().unwrap_err().to_string();
        assert!(error.contains("the server canceled the request"), "{error}");
    });
}

#[test]
fn an_unreachable_server_is_named_without_the_rest_of_its_address() {
    let Some(server) = Server::start(None) else { return };
    let place = server.place();
    drop(server);
    let error = fovea::similar::index::postgres::Shared::open(place, &MODEL, None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the store index on ") && error.contains("cannot be reached"),
        "{error}"
    );
    assert!(!error.contains("postgres@"), "{error}");
}
