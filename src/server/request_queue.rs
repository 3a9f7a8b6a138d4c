//! Tracks the requests in flight, and cancels them by id, even before they arrive.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tower_lsp::jsonrpc::{Error, ErrorCode, Id};

use super::to_proto::SERVER_CANCELLED;
use crate::analysis::CancellationToken;

/// Maximum number of unanswered requests; the server refuses more at once.
pub const MAX_IN_FLIGHT: usize = 512;

/// Maximum number of remembered cancellations of requests that have not arrived.
const MAX_EARLY: usize = 256;

/// An admitted request.
#[derive(Debug, Clone)]
pub struct PendingRequest {
    /// A number that the server never uses twice; clients may reuse their ids.
    pub number: i64,
    /// Raised when the client cancels the request.
    pub cancel: CancellationToken,
}

/// The requests in flight.
#[derive(Debug, Default)]
pub struct RequestQueue(Mutex<InFlight>);

#[derive(Debug, Default)]
struct InFlight {
    running: HashMap<Id, PendingRequest>,
    early: VecDeque<Id>,
    highest: Option<i64>,
    next: i64,
}

impl RequestQueue {
    /// Admits a request. A `vital` request is admitted even if too many wait.
    ///
    /// # Errors
    /// The error to answer: the client already canceled the request, its id is in use, or too many requests wait.
    pub fn register(&self, id: &Id, vital: bool) -> Result<PendingRequest, Error> {
        let mut state = self.lock();
        if let Id::Number(n) = id {
            state.highest = Some(state.highest.map_or(*n, |highest| highest.max(*n)));
        }
        if let Some(index) = state.early.iter().position(|early| early == id) {
            state.early.remove(index);
            return Err(Error::request_cancelled());
        }
        if state.running.contains_key(id) {
            let mut error = Error::invalid_request();
            error.message = format!("a request with the id {id} is still running; use another id").into();
            return Err(error);
        }
        if !vital && state.running.len() >= MAX_IN_FLIGHT {
            let message = format!("{MAX_IN_FLIGHT} requests are already waiting for an answer; try again later");
            return Err(Error {
                code: ErrorCode::ServerError(SERVER_CANCELLED),
                message: message.into(),
                data: None,
            });
        }
        state.next += 1;
        let pending = PendingRequest {
            number: state.next,
            cancel: CancellationToken::new(),
        };
        state.running.insert(id.clone(), pending.clone());
        Ok(pending)
    }

    /// Removes a request that has its answer.
    pub fn complete(&self, id: &Id) {
        self.lock().running.remove(id);
    }

    /// Cancels a request: raises its token and returns the server's number for it.
    ///
    /// If the request has not arrived yet, the cancellation is remembered. If it was answered already, the cancellation is ignored.
    pub fn cancel(&self, id: &Id) -> Option<i64> {
        let mut state = self.lock();
        if let Some(pending) = state.running.get(id) {
            pending.cancel.cancel();
            return Some(pending.number);
        }
        let may_come = match id {
            Id::Number(n) => state.highest.is_none_or(|highest| *n > highest),
            Id::String(_) => true,
            Id::Null => false,
        };
        if may_come && !state.early.contains(id) {
            if state.early.len() == MAX_EARLY {
                state.early.pop_front();
            }
            state.early.push_back(id.clone());
        }
        None
    }

    /// Cancels all requests in flight.
    pub fn cancel_all(&self) {
        self.lock().running.values().for_each(|pending| pending.cancel.cancel());
    }

    fn lock(&self) -> MutexGuard<'_, InFlight> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: i64) -> Id {
        Id::Number(n)
    }

    #[test]
    fn a_request_can_be_cancelled_before_and_while_it_runs_but_not_after() {
        let in_flight = RequestQueue::default();
        assert_eq!(in_flight.cancel(&id(2)), None);
        assert_eq!(
            in_flight.register(&id(2), false).unwrap_err().code,
            ErrorCode::RequestCancelled
        );
        let pending = in_flight.register(&id(3), false).unwrap();
        assert_eq!(in_flight.cancel(&id(3)), Some(pending.number));
        assert!(pending.cancel.is_cancelled());
        in_flight.complete(&id(3));
        assert_eq!(in_flight.cancel(&id(3)), None);
        assert!(in_flight.register(&id(3), false).is_ok());
    }

    #[test]
    fn an_early_cancellation_applies_to_one_request() {
        let in_flight = RequestQueue::default();
        in_flight.cancel(&Id::from("a"));
        assert!(in_flight.register(&Id::from("a"), false).is_err());
        assert!(in_flight.register(&Id::from("a"), false).is_ok());
    }

    #[test]
    fn the_number_of_remembered_cancellations_is_limited() {
        let in_flight = RequestQueue::default();
        for n in 0..10_000 {
            in_flight.cancel(&id(n));
        }
        assert_eq!(in_flight.lock().early.len(), MAX_EARLY);
        assert!(in_flight.register(&id(9_999), false).is_err());
    }

    #[test]
    fn duplicate_ids_and_too_many_requests_are_refused() {
        let in_flight = RequestQueue::default();
        for n in 0..MAX_IN_FLIGHT as i64 {
            in_flight.register(&id(n), false).unwrap();
        }
        assert_eq!(
            in_flight.register(&id(3), false).unwrap_err().code,
            ErrorCode::InvalidRequest
        );
        assert_eq!(
            in_flight.register(&id(9_999), false).unwrap_err().code.code(),
            SERVER_CANCELLED
        );
        assert!(in_flight.register(&id(8_888), true).is_ok());
        in_flight.complete(&id(3));
        in_flight.complete(&id(8_888));
        assert!(in_flight.register(&id(9_999), false).is_ok());
    }
}
