//! Large arrays that are done with, kept for the next operation that needs one.
//!
//! A pass writes some hundred megabytes a second that are read once or twice and dropped. An allocator gives their pages back to the
//! system and has them mapped again, emptied, moments later: for a sequence of 256 tokens that costs a tenth of the pass. Here they
//! stay, up to [`LIMIT`] or what the largest pass was said to hold, until [`clear`] is called when there is nothing more to do.

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor};

/// Bytes kept at most, as long as no pass holds more at once.
const LIMIT: usize = 128 << 20;

/// Floats from which on an array is worth keeping.
const LEAST: usize = 16 << 10;

static POOL: Mutex<BufferPool> = Mutex::new(BufferPool::EMPTY);

/// The arrays that wait for somebody who needs one.
struct BufferPool {
    /// The last one kept stands last.
    arrays: Vec<Vec<f32>>,
    /// Bytes kept at most.
    most: usize,
}

impl BufferPool {
    const EMPTY: BufferPool = BufferPool {
        arrays: Vec::new(),
        most: LIMIT,
    };

    /// Takes out the smallest that has room for `len` floats, of several the one kept last: it may still be in a cache. One much larger
    /// waits for somebody who needs it.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let fits = |array: &Vec<f32>| (len..=len + len / 2).contains(&array.capacity());
        let best = (0..self.arrays.len())
            .rev()
            .filter(|&i| fits(&self.arrays[i]))
            .min_by_key(|&i| self.arrays[i].capacity());
        best.map(|index| self.arrays.remove(index))
    }

    /// Keeps one more; what was kept longest goes for it.
    fn put(&mut self, array: Vec<f32>) {
        if array.capacity() < LEAST || bytes(&array) > self.most {
            return;
        }
        self.arrays.push(array);
        let mut all: usize = self.arrays.iter().map(bytes).sum();
        let mut oldest = 0;
        while all > self.most && oldest < self.arrays.len() {
            all -= bytes(&self.arrays[oldest]);
            oldest += 1;
        }
        self.arrays.drain(..oldest);
    }

    fn expect(&mut self, floats: usize) {
        // What is handed out is a little larger than what was asked for.
        self.most = self.most.max(floats.saturating_mul(size_of::<f32>()) / 8 * 9);
    }
}

fn bytes(array: &Vec<f32>) -> usize {
    array.capacity() * size_of::<f32>()
}

/// An array of `len` floats whose values mean nothing: whoever takes it writes all of them.
pub(super) fn acquire(len: usize) -> Vec<f32> {
    if len < LEAST {
        return vec![0f32; len];
    }
    let found = pool().take(len);
    let mut array = found.unwrap_or_else(|| vec![0f32; roomy(len)]);
    // Only what nobody has written before is filled.
    array.resize(len, 0.0);
    array
}

/// A little more than `len`, so that arrays for texts of nearly the same length fit each other: within an eighth of a power of two.
fn roomy(len: usize) -> usize {
    len.next_multiple_of((1 << len.ilog2()) / 8)
}

/// Tells that a pass is about to hold arrays of so many floats at once: as much may be kept for the next like it.
pub fn expect(floats: usize) {
    pool().expect(floats);
}

/// Keeps the array behind a tensor that nobody reads any more. Whoever still does gets an error.
pub fn recycle(tensor: Tensor) {
    if !super::on_cpu(&tensor) {
        return;
    }
    let emptied = Mutex::new(Vec::new());
    if tensor.inplace_op1(&TakeOut(&emptied)).is_err() {
        return; // Not floats: nothing that was ever taken from here.
    }
    release(emptied.into_inner().unwrap_or_else(PoisonError::into_inner));
}

/// Keeps an array for the next who needs one.
pub(super) fn release(array: Vec<f32>) {
    pool().put(array);
}

/// Whether there are any.
pub fn holds_any() -> bool {
    !pool().arrays.is_empty()
}

/// Gives all of them back to the system.
pub fn clear() {
    *pool() = BufferPool::EMPTY;
}

fn pool() -> MutexGuard<'static, BufferPool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves nothing behind a tensor.
struct TakeOut<'a>(&'a Mutex<Vec<f32>>);

impl InplaceOp1 for TakeOut<'_> {
    fn name(&self) -> &'static str {
        "done-with"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, _: &Layout) -> Result<()> {
        let CpuStorage::F32(values) = storage else {
            candle_core::bail!("only floats are kept")
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = std::mem::take(values);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn tensor(len: usize) -> Tensor {
        Tensor::from_vec(vec![1f32; len], len, &Device::Cpu).unwrap()
    }

    #[test]
    fn what_is_read_after_it_was_done_with_is_an_error_and_never_other_numbers() {
        let tensor = tensor(40_000);
        let view = tensor.narrow(0, 0, 20_000).unwrap();
        recycle(tensor);
        let read = super::super::with_values(&view, |values| Ok(values[0]));
        assert!(read.unwrap_err().to_string().contains("done with"));
    }

    #[test]
    fn an_array_has_the_length_asked_for_whatever_was_kept() {
        for len in [0, 1, LEAST - 1, LEAST, LEAST + 1, 30_000, 20_000, 29_999, 300_000] {
            let array = acquire(len);
            assert_eq!(array.len(), len);
            release(array);
        }
        recycle(Tensor::zeros(LEAST, candle_core::DType::U32, &Device::Cpu).unwrap());
    }

    #[test]
    fn of_arrays_of_one_size_the_one_kept_last_is_taken() {
        let mut kept = BufferPool::EMPTY;
        let arrays: Vec<Vec<f32>> = (0..3).map(|_| vec![0f32; LEAST]).collect();
        let last = arrays[2].as_ptr();
        arrays.into_iter().for_each(|array| kept.put(array));
        kept.put(vec![0f32; 2 * LEAST]);
        assert_eq!(kept.take(LEAST).map(|array| array.as_ptr()), Some(last));
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let mut kept = BufferPool::EMPTY;
        for _ in 0..6 {
            kept.put(vec![0f32; LIMIT / 4 / size_of::<f32>()]);
        }
        assert_eq!(kept.arrays.len(), 4);
        kept.put(vec![0f32; 2 * LIMIT / size_of::<f32>()]);
        assert_eq!(kept.arrays.len(), 4);
    }

    #[test]
    fn as_much_is_kept_as_a_pass_was_said_to_hold() {
        let (mut kept, len) = (BufferPool::EMPTY, LIMIT / 4 / size_of::<f32>());
        kept.expect(6 * len);
        for _ in 0..9 {
            kept.put(vec![0f32; len]);
        }
        assert_eq!(kept.arrays.len(), 6);
        kept.expect(len);
        assert_eq!(kept.take(len).map(|array| array.len()), Some(len));
    }
}
