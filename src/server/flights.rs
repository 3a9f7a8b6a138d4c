//! The requests in flight: one answer each, cancelled by id, even before they arrive.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tower_lsp::jsonrpc::{Error, ErrorCode, Id};

use super::to_proto::SERVER_CANCELLED;
use crate::analysis::CancelToken;

/// How many requests may wait for an answer; more are refused at once.
pub const MAX_IN_FLIGHT: usize = 512;

/// How many cancellations of requests that have not arrived are remembered.
const MAX_EARLY: usize = 256;

/// A request that may be answered.
#[derive(Debug, Clone)]
pub struct Flight {
    /// A number of our own, never used twice, so that a client that uses its own twice confuses nobody.
    pub number: i64,
    /// Raised when the client cancels the request.
    pub cancel: CancelToken,
}

/// The requests in flight.
#[derive(Debug, Default)]
pub struct Flights(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    running: HashMap<Id, Flight>,
    early: VecDeque<Id>,
    highest: Option<i64>,
    next: i64,
}

impl Flights {
    /// Admits a request. One that is `vital` is admitted however many wait.
    ///
    /// # Errors
    /// What to answer instead: the client cancelled it already, used its id twice, or too many wait.
    pub fn depart(&self, id: &Id, vital: bool) -> Result<Flight, Error> {
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
        let flight = Flight {
            number: state.next,
            cancel: CancelToken::new(),
        };
        state.running.insert(id.clone(), flight.clone());
        Ok(flight)
    }

    /// The request is answered.
    pub fn land(&self, id: &Id) {
        self.lock().running.remove(id);
    }

    /// Cancels a request: raises its token and returns our number for it. One that has not arrived is remembered; one that is
    /// answered already is none of our business.
    pub fn cancel(&self, id: &Id) -> Option<i64> {
        let mut state = self.lock();
        if let Some(flight) = state.running.get(id) {
            flight.cancel.cancel();
            return Some(flight.number);
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

    /// Raises every token.
    pub fn cancel_all(&self) {
        self.lock().running.values().for_each(|flight| flight.cancel.cancel());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
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
    fn a_cancellation_before_during_and_after() {
        let flights = Flights::default();
        assert_eq!(flights.cancel(&id(2)), None);
        assert_eq!(
            flights.depart(&id(2), false).unwrap_err().code,
            ErrorCode::RequestCancelled
        );
        let flight = flights.depart(&id(3), false).unwrap();
        assert_eq!(flights.cancel(&id(3)), Some(flight.number));
        assert!(flight.cancel.is_cancelled());
        flights.land(&id(3));
        assert_eq!(flights.cancel(&id(3)), None);
        assert!(flights.depart(&id(3), false).is_ok());
    }

    #[test]
    fn a_cancelled_name_is_remembered_once() {
        let flights = Flights::default();
        flights.cancel(&Id::from("a"));
        assert!(flights.depart(&Id::from("a"), false).is_err());
        assert!(flights.depart(&Id::from("a"), false).is_ok());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let flights = Flights::default();
        for n in 0..10_000 {
            flights.cancel(&id(n));
        }
        assert_eq!(flights.lock().early.len(), MAX_EARLY);
        assert!(flights.depart(&id(9_999), false).is_err());
    }

    #[test]
    fn too_many_and_twice_the_same_are_refused() {
        let flights = Flights::default();
        for n in 0..MAX_IN_FLIGHT as i64 {
            flights.depart(&id(n), false).unwrap();
        }
        assert_eq!(
            flights.depart(&id(3), false).unwrap_err().code,
            ErrorCode::InvalidRequest
        );
        assert_eq!(
            flights.depart(&id(9_999), false).unwrap_err().code.code(),
            SERVER_CANCELLED
        );
        assert!(flights.depart(&id(8_888), true).is_ok());
        flights.land(&id(3));
        flights.land(&id(8_888));
        assert!(flights.depart(&id(9_999), false).is_ok());
    }
}
