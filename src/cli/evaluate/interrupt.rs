//! Lets work check for Ctrl-C between two steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user pressed Ctrl-C.
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to watch: the first Ctrl-C is recorded, and the second ends the process.
    ///
    /// # Errors
    /// If the system refuses to register the handler.
    pub(super) fn watch() -> std::io::Result<Interrupt> {
        let came = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let told = Arc::clone(&came);
        let watch = move || {
            runtime.block_on(async {
                while tokio::signal::ctrl_c().await.is_ok() {
                    if told.swap(true, Ordering::AcqRel) {
                        std::process::exit(130);
                    }
                }
            });
        };
        std::thread::Builder::new()
            .name("fovea-interrupt".to_owned())
            .spawn(watch)?;
        Ok(Interrupt(came))
    }

    /// Whether the user pressed it.
    pub(super) fn came(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
