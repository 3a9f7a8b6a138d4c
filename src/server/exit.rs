//! How the server ends.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The wish to end, with the process's exit code.
#[derive(Debug, Default)]
pub struct Exit {
    shut_down: AtomicBool,
    code: Mutex<Option<u8>>,
    wake: Notify,
}

impl Exit {
    /// The client said `shutdown`: from here on, ending is what it wants.
    pub fn shutdown(&self) {
        self.shut_down.store(true, Ordering::Release);
    }

    /// The client said `exit`, or went away: 0 after `shutdown`, else 1.
    pub fn exit(&self) {
        self.with_code(u8::from(!self.shut_down.load(Ordering::Acquire)));
    }

    /// Ends with a code. The first one counts.
    pub fn with_code(&self, code: u8) {
        self.code
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(code);
        self.wake.notify_one();
    }

    /// Waits until the server is to end.
    pub async fn wait(&self) -> u8 {
        loop {
            if let Some(code) = *self.code.lock().unwrap_or_else(PoisonError::into_inner) {
                return code;
            }
            self.wake.notified().await;
        }
    }
}
