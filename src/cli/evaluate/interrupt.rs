//! Lets work check for Ctrl-C between two steps.

use tokio_util::sync::CancellationToken;

/// Whether the user pressed Ctrl-C.
pub(super) struct Interrupt(CancellationToken);

impl Interrupt {
    /// Starts to watch: the first Ctrl-C is recorded, and the second ends the process.
    ///
    /// # Errors
    /// If the system refuses to register the handler.
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

    /// Whether the user pressed it.
    pub(super) fn came(&self) -> bool {
        self.0.is_cancelled()
    }
}
