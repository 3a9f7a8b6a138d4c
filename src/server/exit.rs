//! The end of the server and its exit code.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The request to end the process, with its exit code.
#[derive(Debug, Default)]
pub struct Exit {
    shut_down: AtomicBool,
    code: Mutex<Option<u8>>,
    wake: Notify,
}

impl Exit {
    /// Notes that the client sent `shutdown`: the next `exit` is a regular end.
    pub fn shutdown(&self) {
        self.shut_down.store(true, Ordering::Release);
    }

    /// Ends the server after `exit` or a lost connection: code 0 after `shutdown`, otherwise 1.
    pub fn exit(&self) {
        self.with_code(u8::from(!self.shut_down.load(Ordering::Acquire)));
    }

    /// Ends the server with a code; only the first call counts.
    pub fn with_code(&self, code: u8) {
        self.code
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(code);
        self.wake.notify_one();
    }

    /// Waits until the server must end; returns the exit code.
    pub async fn wait(&self) -> u8 {
        loop {
            if let Some(code) = *self.code.lock().unwrap_or_else(PoisonError::into_inner) {
                return code;
            }
            self.wake.notified().await;
        }
    }
}
