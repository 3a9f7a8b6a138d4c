//! Errors of a store, with instructions for the user.

use std::error::Error;
use std::time::Duration;

use postgres::error::SqlState;

/// Why an address is rejected. Never contains a part of the address that could be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(pub(super) String);

/// Why a request to a store failed. Never contains a password: neither server nor client repeats it.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// The connection failed, perhaps temporarily.
    #[error("cannot be reached: {why}")]
    Unreachable { why: String },
    /// The server rejects the connection, and a retry does not help.
    #[error("cannot be reached: {0}")]
    Closed(String),
    /// A recent attempt failed, and the pause has not ended.
    #[error("could not be reached a moment ago ({why}); fovea tries again in {} s", .left.as_secs() + 1)]
    Waiting { why: String, left: Duration },
    /// The connection was lost.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// Other connections interfered; a retry may succeed.
    #[error("other connections blocked the request: {0}; try again")]
    Again(String),
    /// The server canceled a statement. [`StoreError::within`] says why.
    #[error("the server canceled the request: {0}")]
    Canceled(String),
    /// The query exceeded its timeout.
    #[error("the answer took longer than {} s, so fovea stopped waiting", .0.as_secs())]
    Slow(Duration),
    /// The role lacks a privilege.
    #[error("{0}; docs/scale.md lists the statements that set up the roles")]
    Denied(String),
    /// The server rejected the statement.
    #[error("{0}")]
    Refused(String),
    /// The store has no tables.
    #[error("it contains no index yet; run `fovea index DIR --store …` to create one")]
    Empty,
    /// A newer version wrote the tables.
    #[error("a newer fovea wrote it (version {0} of its tables), so this one leaves it unchanged; update fovea")]
    Newer(i32),
    /// An older version wrote the tables, and the job can update them.
    #[error(
        "an older fovea wrote it (version {0} of its tables); run `fovea index DIR --store …` to update it, folder by folder"
    )]
    Behind(i32),
    /// A version wrote the tables that the job cannot update.
    #[error(
        "an older fovea wrote it (version {0} of its tables); drop its schema (DROP SCHEMA fovea CASCADE) and index again"
    )]
    Older(i32),
    /// The vectors belong to another model.
    #[error(
        "it contains vectors of the model {theirs}, but this model is {ours}; use that model, or another database for this one"
    )]
    OtherModel { theirs: String, ours: String },
    /// The extension is missing or too old.
    #[error("{0}")]
    Extension(String),
}

impl StoreError {
    /// Tells a statement that exceeded the limit in force from one that an administrator canceled, which the server reports alike.
    pub(super) fn within(self, limit: Option<Duration>, elapsed: Duration) -> StoreError {
        match (self, limit) {
            (StoreError::Canceled(_), Some(limit)) if elapsed >= limit => StoreError::Slow(limit),
            (error, _) => error,
        }
    }

    /// Whether the connection is unusable.
    pub(super) fn is_broken(&self) -> bool {
        matches!(
            self,
            StoreError::Unreachable { .. } | StoreError::Waiting { .. } | StoreError::Lost(_)
        )
    }

    /// Whether a retry may succeed.
    pub(super) fn may_pass(&self) -> bool {
        self.is_broken() || matches!(self, StoreError::Again(_))
    }
}

/// Classifies a failed connection attempt.
///
/// A server that starts, stops or is full may accept a retry; one that rejects the user, or has an untrusted certificate, will not.
pub(super) fn unconnected(error: &postgres::Error) -> StoreError {
    let why = words(error);
    let is_temporary = match error.code() {
        Some(code) => {
            let class = &code.code()[..2];
            // Connection exception, insufficient resources, operator intervention, system error.
            ["08", "53", "57", "58"].contains(&class)
        }
        None => {
            let io = error
                .source()
                .and_then(|source| source.downcast_ref::<std::io::Error>());
            error.is_closed() || io.is_some_and(|io| io.kind() != std::io::ErrorKind::InvalidData)
        }
    };
    match is_temporary {
        true => StoreError::Unreachable { why },
        false => StoreError::Closed(why),
    }
}

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> StoreError {
        let why = words(&error);
        let Some(code) = error.code() else {
            // An unreadable answer is not a network error.
            let wire = error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>());
            return if wire {
                StoreError::Lost(why)
            } else {
                StoreError::Refused(why)
            };
        };
        match *code {
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => StoreError::Lost(why),
            SqlState::T_R_DEADLOCK_DETECTED | SqlState::T_R_SERIALIZATION_FAILURE | SqlState::LOCK_NOT_AVAILABLE => {
                StoreError::Again(why)
            }
            SqlState::QUERY_CANCELED => StoreError::Canceled(why),
            SqlState::INSUFFICIENT_PRIVILEGE => StoreError::Denied(why),
            SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::Denied(why),
            _ => StoreError::Refused(why),
        }
    }
}

/// The message of an error with its causes.
pub(super) fn words(error: &postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        let hint = said.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
        return format!("{}{hint}", said.message());
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.contains(&text) {
            words += &format!(": {text}");
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canceled_statement_names_the_limit_in_force_if_it_took_that_long() {
        let said = |limit: Option<u64>, elapsed| {
            let canceled = StoreError::Canceled("by a user".to_owned());
            let limit = limit.map(Duration::from_secs);
            canceled.within(limit, Duration::from_secs(elapsed)).to_string()
        };
        assert!(said(Some(5), 5).contains("longer than 5 s"));
        assert!(said(Some(30), 31).contains("longer than 30 s"));
        for (limit, elapsed) in [(Some(30), 6), (None, 600)] {
            assert_eq!(said(limit, elapsed), "the server canceled the request: by a user");
        }
    }
}
