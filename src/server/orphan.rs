//! Ends the server if its editor dies without a message.

use std::sync::Arc;
use std::time::Duration;

use super::session::Session;

const EVERY: Duration = Duration::from_secs(5);

/// Ends the server when the process that started it is gone.
pub async fn watch(session: Arc<Session>) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Some(&parent) = session.parent.get()
            && !alive(parent)
        {
            tracing::warn!("the editor is gone");
            session.exit.with_code(1);
            return;
        }
    }
}

#[cfg(unix)]
fn alive(process: u32) -> bool {
    let Some(pid) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) else {
        return true;
    };
    // Any other error means that the process exists but belongs to another user.
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

#[cfg(not(unix))]
fn alive(_: u32) -> bool {
    // On these systems, the end of the input ends the server.
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn dead_and_living_processes_are_distinguished() {
        assert!(alive(std::process::id()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let id = child.id();
        child.wait().unwrap();
        assert!(!alive(id));
    }
}
