//! Runs third-party code that may panic, and turns a panic into an error.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// The result of some work; `None` if it panics. State that the work changed must not be used after a panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    // The error replaces the message of such a panic; all other panics reach the previous hook.
    QUIET.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_gives_none_and_the_guard_ends_with_the_work() {
        assert_eq!(guarded(|| GUARDED.get()), Some(true));
        assert_eq!(guarded(|| -> u8 { panic!("third-party code") }), None);
        assert!(!GUARDED.get());
    }
}
