//! The model's threads: few, and less important to the operating system than the editor's.

use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};

/// Lowers the priority of the current thread (nice 10 on Unix). Where that is refused, nothing is lost.
pub fn lower_priority() {
    if let Ok(value) = ThreadPriorityValue::try_from(25u8) {
        let _ = set_current_thread_priority(ThreadPriority::Crossplatform(value));
    }
}

/// Lowers the priority of the current thread to what is done only where a processor has nothing else to do.
pub fn lowest_priority() {
    let _ = set_current_thread_priority(ThreadPriority::Min);
}

/// How many threads a setting means: 0 is half the cores, at least two where there are two, at most four.
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

/// The pool everything is computed in. Where none can be made, the model thread computes alone.
pub struct Pool(Option<rayon::ThreadPool>);

impl Pool {
    /// A pool of so many threads; 0 = choose.
    pub fn new(setting: usize) -> Pool {
        Pool::made("fovea-pool", setting, lower_priority)
    }

    /// As [`Pool::new`], for what nobody waits for.
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

    /// Computes inside the pool; the current thread waits. A panic comes back as a panic here.
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
    fn computing_happens_on_the_pools_threads_at_lower_priority() {
        let pool = Pool::new(1);
        let name = pool.install(|| std::thread::current().name().map(str::to_owned));
        assert_eq!(name.as_deref(), Some("fovea-pool-0"));
        #[cfg(target_os = "linux")]
        {
            // Field 19 of stat is the nice value; the name in brackets may hold spaces.
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
