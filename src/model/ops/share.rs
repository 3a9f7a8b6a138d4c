//! Division of work among threads: by items, or within each operation.

use std::cell::Cell;

use rayon::prelude::*;

thread_local! {
    /// Whether the thread's item is one of many, which occupy all threads undivided.
    static UNDIVIDED: Cell<bool> = const { Cell::new(false) };
}

/// Maps items in parallel; results keep their order. If the items are enough for all threads, operations on each are divided only for
/// cache size: a product of few rows then runs through the whole matrix.
pub fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let enough = items.len() >= 2 * rayon::current_num_threads();
    let each = items.par_iter().enumerate();
    each.map(|(index, item)| match enough {
        true => undivided(|| work(index, item)),
        false => work(index, item),
    })
    .collect()
}

/// Number of threads that an operation should be divided among.
pub(super) fn threads() -> usize {
    match UNDIVIDED.get() {
        true => 1,
        false => rayon::current_num_threads(),
    }
}

fn undivided<T>(work: impl FnOnce() -> T) -> T {
    /// Restores the previous value, also after a panic.
    struct Previous(bool);
    impl Drop for Previous {
        fn drop(&mut self) {
            UNDIVIDED.set(self.0);
        }
    }
    // While it waits for its own tasks, a thread may start another item.
    let _previous = Previous(UNDIVIDED.replace(true));
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_divided_for_few_items_and_not_for_many() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        pool.install(|| {
            assert_eq!(
                side_by_side(&[7; 5], |index, item| (index, *item, threads())),
                [(0, 7, 1), (1, 7, 1), (2, 7, 1), (3, 7, 1), (4, 7, 1)]
            );
            assert_eq!(side_by_side(&[7, 8, 9], |_, _| threads()), [2, 2, 2]);
            assert_eq!(threads(), 2);
            let panicked = std::panic::catch_unwind(|| undivided(|| panic!("in the middle")));
            assert!(panicked.is_err() && threads() == 2);
        });
    }
}
