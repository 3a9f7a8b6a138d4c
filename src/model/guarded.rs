//! Code of others that may panic on a hostile file, where a panic is an answer.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// The result of some work, or nothing where it panics. Nothing that the work changed may be used after a panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    // A panic that becomes an error says what it has to say there; every other one reaches the hook that was there before.
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
    fn a_panic_is_no_result_and_the_guard_ends_with_the_work() {
        assert_eq!(guarded(|| GUARDED.get()), Some(true));
        assert_eq!(guarded(|| -> u8 { panic!("of others") }), None);
        assert!(!GUARDED.get());
    }
}
