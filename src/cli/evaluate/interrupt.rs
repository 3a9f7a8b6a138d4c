//! Ctrl-C as a question that work asks between two steps.

use tokio_util::sync::CancellationToken;

/// Whether the person pressed Ctrl-C.
pub(super) struct Interrupt(CancellationToken);

impl Interrupt {
    /// From now on the first Ctrl-C is noted, and the second ends the process.
    ///
    /// # Errors
    /// If the system does not let us watch.
    pub(super) fn watch() -> std::io::Result<Interrupt> {
        let came = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let told = came.clone();
        let watch = move || {
            runtime.block_on(async {
                while tokio::signal::ctrl_c().await.is_ok() {
                    if told.is_cancelled() {
                        std::process::exit(130);
                    }
                    told.cancel();
                }
            });
        };
        std::thread::Builder::new()
            .name("fovea-interrupt".to_owned())
            .spawn(watch)?;
        Ok(Interrupt(came))
    }

    /// Whether it was pressed.
    pub(super) fn came(&self) -> bool {
        self.0.is_cancelled()
    }
}
