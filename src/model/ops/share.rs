//! How work is shared among threads: by what it consists of, or by the pieces of each operation.

use std::cell::Cell;

use rayon::prelude::*;

thread_local! {
    /// Whether what this thread does is one of many such pieces of work, which fill the threads by themselves.
    static UNDIVIDED: Cell<bool> = const { Cell::new(false) };
}

/// Does the same with each of some items, side by side, results in their order. Where there are enough of them for all threads, the
/// operations on each are not divided any further than the caches want: a product of few rows goes through the whole matrix.
pub fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let enough = items.len() >= 2 * rayon::current_num_threads();
    let each = items.par_iter().enumerate();
    each.map(|(index, item)| match enough {
        true => undivided(|| work(index, item)),
        false => work(index, item),
    })
    .collect()
}

/// Threads that an operation is to be divided among.
pub(super) fn threads() -> usize {
    match UNDIVIDED.get() {
        true => 1,
        false => rayon::current_num_threads(),
    }
}

fn undivided<T>(work: impl FnOnce() -> T) -> T {
    /// Puts back what was, whether the work ended well or not.
    struct Previous(bool);
    impl Drop for Previous {
        fn drop(&mut self) {
            UNDIVIDED.set(self.0);
        }
    }
    // While it waits for its own pieces, a thread may take up another of the items.
    let _former = Previous(UNDIVIDED.replace(true));
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_items_are_not_divided_and_few_are() {
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
