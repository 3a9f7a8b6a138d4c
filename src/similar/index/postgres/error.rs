//! What goes wrong with a store, in words that say what to do.

use std::error::Error;
use std::time::Duration;

use postgres::error::SqlState;

/// Why a store did not do what was asked of it. Never holds a password: neither servers nor the client repeat it.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// It cannot be connected to.
    #[error("cannot be reached: {why}")]
    Unreachable { why: String },
    /// It does not let us in, which the same question will not change.
    #[error("cannot be reached: {0}")]
    Closed(String),
    /// It could not be connected to a moment ago.
    #[error("could not be reached a moment ago ({why}); fovea tries again in {} s", .left.as_secs() + 1)]
    Waiting { why: String, left: Duration },
    /// The connection is gone.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// Others were in the way; it may go well next time.
    #[error("other connections blocked the request: {0}; try again")]
    Again(String),
    /// It took longer than a question may.
    #[error("the answer took longer than {} s, so fovea stopped waiting", .0.as_secs())]
    Slow(Duration),
    /// The role may not do that.
    #[error("{0}; docs/scale.md lists the statements that set up the roles")]
    Denied(String),
    /// The server refused.
    #[error("{0}")]
    Refused(String),
    /// Nobody has indexed anything.
    #[error("it contains no index yet; run `fovea index DIR --store …` to create one")]
    Empty,
    /// Its tables are of another version.
    #[error("a newer fovea wrote it (version {0} of its tables), so this one leaves it unchanged; update fovea")]
    Newer(i32),
    /// Its tables are of a version that the job brings up to date.
    #[error(
        "an older fovea wrote it (version {0} of its tables); run `fovea index DIR --store …` to update it, folder by folder"
    )]
    Behind(i32),
    /// Its tables are of another version.
    #[error(
        "an older fovea wrote it (version {0} of its tables); drop its schema (DROP SCHEMA fovea CASCADE) and index again"
    )]
    Older(i32),
    /// Its vectors are another model's.
    #[error(
        "it contains vectors of the model {theirs}, but this model is {ours}; use that model, or another database for this one"
    )]
    OtherModel { theirs: String, ours: String },
    /// The extension is not there, or too old.
    #[error("{0}")]
    Extension(String),
}

impl StoreError {
    /// Whether the connection is of no use any more.
    pub(super) fn is_broken(&self) -> bool {
        matches!(
            self,
            StoreError::Unreachable { .. } | StoreError::Waiting { .. } | StoreError::Lost(_)
        )
    }

    /// Whether the same may go well when it is tried again.
    pub(super) fn may_pass(&self) -> bool {
        self.is_broken() || matches!(self, StoreError::Again(_))
    }
}

/// Why no connection came about: a server that starts, stops or is full may let us in soon; one that does not know us, or whose
/// certificate is not trusted, will not.
pub(super) fn unconnected(error: &postgres::Error) -> StoreError {
    let why = words(error);
    let passing = match error.code() {
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
    match passing {
        true => StoreError::Unreachable { why },
        false => StoreError::Closed(why),
    }
}

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> StoreError {
        let why = words(&error);
        let Some(code) = error.code() else {
            // An answer that cannot be read has no cause of the wire's.
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
            SqlState::QUERY_CANCELED => StoreError::Slow(super::connection::QUESTION),
            SqlState::INSUFFICIENT_PRIVILEGE => StoreError::Denied(why),
            SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::Denied(why),
            _ => StoreError::Refused(why),
        }
    }
}

/// What an error says, and its causes.
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
