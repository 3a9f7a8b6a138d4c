//! A connection to a store, opened on demand and reopened after failures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postgres::Client;

use super::address::StoreAddress;
use super::backoff::Backoff;
use super::error::{StoreError, unconnected};
use super::schema::Reads;
use super::{schema, tls};
use crate::similar::{Calibration, Center};

/// Timeout of a query, and of a single step of the job.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout of a statement of a writer, which may wait for other writers.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Number of attempts per step of the job, over more than half a minute.
const ATTEMPTS: u32 = 8;

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Queries only; neither writes nor waits.
    Reader,
    /// Updates the store.
    Indexer,
}

/// A store, connected or not.
pub(super) struct Connection {
    place: StoreAddress,
    role: Role,
    model: Reads,
    open: Option<Open>,
    backoff: Backoff,
    /// The reason of the last failure.
    why: String,
}

/// An open connection.
pub(super) struct Open {
    pub client: Client,
    /// The means that were read last, with their version.
    pub center: Option<(i64, Center)>,
    pub calibration: Arc<Calibration>,
    /// The timeout of statements in force, for messages; `None` without one.
    pub limit: Option<Duration>,
}

impl Connection {
    pub(super) fn new(place: StoreAddress, role: Role, model: Reads) -> Connection {
        Connection {
            place,
            role,
            model,
            open: None,
            backoff: Backoff::default(),
            why: String::new(),
        }
    }

    pub(super) fn place(&self) -> &StoreAddress {
        &self.place
    }

    /// Runs an idempotent query, and repeats it on a new connection if the connection broke.
    ///
    /// A reader reports an unreachable server at once; the job waits.
    pub(super) fn ask<T>(
        &mut self,
        mut question: impl FnMut(&mut Open) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut tries = 0;
        loop {
            // An open connection may have been cut long ago; only a query reveals this.
            let was_open = self.open.is_some();
            let begun = Instant::now();
            let answered = self.connected().and_then(|open| {
                open.limit = Some(TIMEOUT);
                question(open)
            });
            let limit = self.open.as_ref().and_then(|open| open.limit);
            let error = match answered.map_err(|error| error.within(limit, begun.elapsed())) {
                Err(error) if error.may_pass() => error,
                answered => return answered,
            };
            if error.is_broken() {
                self.open = None;
            }
            tries += 1;
            match self.role {
                Role::Reader if !was_open || tries > 1 => return Err(error),
                Role::Indexer if tries >= ATTEMPTS => return Err(error),
                Role::Reader => {}
                Role::Indexer => {
                    let left = self.backoff.left(Instant::now());
                    std::thread::sleep(left.unwrap_or(Duration::from_millis(50)));
                }
            }
        }
    }

    fn connected(&mut self) -> Result<&mut Open, StoreError> {
        if self.open.is_none() {
            if let Some(left) = self.backoff.left(Instant::now()) {
                let why = self.why.clone();
                return Err(StoreError::Waiting { why, left });
            }
            match self.connect() {
                Ok(open) => {
                    self.backoff.reset();
                    self.open = Some(open);
                }
                Err(error) => {
                    if error.is_broken() {
                        self.why = match &error {
                            StoreError::Unreachable { why } => why.clone(),
                            other => other.to_string(),
                        };
                        self.backoff.failed(Instant::now(), std::process::id());
                    }
                    return Err(error);
                }
            }
        }
        self.open.as_mut().ok_or_else(|| StoreError::Lost(String::new()))
    }

    fn connect(&self) -> Result<Open, StoreError> {
        let tls = tls::connector(&self.place).map_err(StoreError::Closed)?;
        let mut client = self.place.config.connect(tls).map_err(|error| unconnected(&error))?;
        let timeout = TIMEOUT.as_millis();
        client.batch_execute(&format!(
            "SET statement_timeout = {timeout}; SET idle_in_transaction_session_timeout = 60000; SET jit = off"
        ))?;
        match self.role {
            Role::Reader => {
                client.batch_execute("SET default_transaction_read_only = on")?;
                schema::check(&mut client, &self.model)?;
            }
            Role::Indexer => schema::make(&mut client, &self.model)?,
        }
        Ok(Open {
            client,
            center: None,
            calibration: self.model.calibration.clone(),
            limit: Some(TIMEOUT),
        })
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "Connection({})", self.place)
    }
}
