//! The model's threads: few, and at a lower priority than the editor's.

use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};

/// Lowers the priority of the current thread (nice 10 on Unix). A refusal by the system is harmless.
pub fn lower_priority() {
    if let Ok(value) = ThreadPriorityValue::try_from(25u8) {
        let _ = set_current_thread_priority(ThreadPriority::Crossplatform(value));
    }
}

/// Lowers the priority of the current thread to that of idle work.
pub fn lowest_priority() {
    let _ = set_current_thread_priority(ThreadPriority::Min);
}

/// Number of threads for a setting; 0 means half the cores, at least two if available, at most four.
pub fn threads(setting: usize) -> usize {
    if setting > 0 {
        return setting;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    chosen(cores)
}

fn chosen(cores: usize) -> usize {
    (cores / 2).max(cores.min(2)).min(4)
}

/// The thread pool for all computation; without one, the model thread computes alone.
pub struct Pool(Option<rayon::ThreadPool>);

impl Pool {
    /// A pool of `setting` threads; 0 chooses the number.
    pub fn new(setting: usize) -> Pool {
        Pool::made("fovea-pool", setting, lower_priority)
    }

    /// Same as [`Pool::new`], for work without a waiting request.
    pub fn lowest(setting: usize) -> Pool {
        Pool::made("fovea-index", setting, lowest_priority)
    }

    fn made(name: &'static str, setting: usize, begin: fn()) -> Pool {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads(setting))
            .thread_name(move |i| format!("{name}-{i}"))
            .start_handler(move |_| begin())
            .build();
        Pool(pool.ok())
    }

    /// Computes inside the pool while the current thread waits. A panic inside resumes here.
    pub fn install<T: Send>(&self, compute: impl FnOnce() -> T + Send) -> T {
        match &self.0 {
            Some(pool) => pool.install(compute),
            None => compute(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_takes_half_the_cores_within_limits() {
        assert_eq!([1, 2, 3, 4, 6, 8, 64].map(chosen), [1, 2, 2, 2, 3, 4, 4]);
        assert_eq!(threads(7), 7);
    }

    #[test]
    fn computation_runs_on_the_pools_threads_at_lower_priority() {
        let pool = Pool::new(1);
        let name = pool.install(|| std::thread::current().name().map(str::to_owned));
        assert_eq!(name.as_deref(), Some("fovea-pool-0"));
        #[cfg(target_os = "linux")]
        {
            // Field 19 of stat is the nice value; the name in parentheses may contain spaces.
            let stat = pool
                .install(|| std::fs::read_to_string("/proc/thread-self/stat"))
                .expect("procfs");
            let nice: i32 = stat
                .rsplit(')')
                .next()
                .and_then(|f| f.split_whitespace().nth(16)?.parse().ok())
                .expect("nice");
            assert!(nice >= 9, "nice {nice}");
        }
    }
}
