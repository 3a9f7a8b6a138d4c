//! A pool of large buffers, which operations reuse.
//!
//! A pass writes some hundred megabytes per second that are read once or twice and then dropped. An allocator would return their pages to
//! the system and map them again, zeroed, moments later: for a sequence of 256 tokens that costs a tenth of the pass. The pool keeps
//! buffers up to [`LIMIT`], or up to the size announced by the largest pass, until [`clear`] is called when the thread has been idle for
//! a while.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor};

/// Maximum size of the pool in bytes, unless a pass announces more.
const LIMIT: usize = 128 << 20;

/// Minimum size of a pooled buffer in floats.
const LEAST: usize = 16 << 10;

static POOL: Mutex<BufferPool> = Mutex::new(BufferPool::EMPTY);

/// The buffers that are free.
struct BufferPool {
    /// The free buffers, least recently released first.
    arrays: Vec<Vec<f32>>,
    /// Maximum size in bytes.
    most: usize,
}

impl BufferPool {
    const EMPTY: BufferPool = BufferPool {
        arrays: Vec::new(),
        most: LIMIT,
    };

    /// Takes the smallest buffer with a capacity of at least `len` floats; of equal ones the latest, which may still be in a CPU cache.
    /// Much larger buffers stay for operations that need them.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let fits = |array: &Vec<f32>| (len..=len + len / 2).contains(&array.capacity());
        let best = (0..self.arrays.len())
            .rev()
            .filter(|&i| fits(&self.arrays[i]))
            .min_by_key(|&i| self.arrays[i].capacity());
        best.map(|index| self.arrays.remove(index))
    }

    /// Adds a buffer, and evicts the oldest ones if necessary.
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
        // Buffers are a little larger than requested.
        self.most = self.most.max(floats.saturating_mul(size_of::<f32>()) / 8 * 9);
    }
}

fn bytes(array: &Vec<f32>) -> usize {
    array.capacity() * size_of::<f32>()
}

/// A buffer of `len` floats with arbitrary values; the caller must write all of them.
pub(super) fn acquire(len: usize) -> Vec<f32> {
    if len < LEAST {
        return vec![0f32; len];
    }
    let found = pool().take(len);
    let mut array = found.unwrap_or_else(|| vec![0f32; round_up(len)]);
    // Only the part that was never written is filled.
    array.resize(len, 0.0);
    array
}

/// Rounds `len` up by at most an eighth of its power of two.
/// Texts of almost equal length thus share buffers.
fn round_up(len: usize) -> usize {
    len.next_multiple_of((1 << len.ilog2()) / 8)
}

/// Announces the number of floats that a pass will hold at once; the pool may then keep as many.
pub fn expect(floats: usize) {
    pool().expect(floats);
}

/// Returns the buffer of a tensor to the pool. A later read of the tensor is an error.
pub fn recycle(tensor: Tensor) {
    if !super::on_cpu(&tensor) {
        return;
    }
    let emptied = Mutex::new(Vec::new());
    if tensor.inplace_op1(&TakeOut(&emptied)).is_err() {
        return; // Not floats, and therefore not from the pool.
    }
    release(emptied.into_inner().unwrap_or_else(PoisonError::into_inner));
}

/// Returns a buffer to the pool.
pub(super) fn release(array: Vec<f32>) {
    pool().put(array);
}

/// Rows of floats whose buffer returns to the pool when they are dropped.
#[derive(Debug, Default)]
pub struct PooledRows(Vec<f32>);

impl PooledRows {
    /// `len` arbitrary values; the caller must write all of them.
    pub fn unset(len: usize) -> PooledRows {
        PooledRows(acquire(len))
    }

    /// `len` zeros.
    pub fn zeros(len: usize) -> PooledRows {
        let mut rows = PooledRows::unset(len);
        rows.fill(0.0);
        rows
    }

    /// A copy of some rows.
    pub fn copy_of(rows: &[f32]) -> PooledRows {
        let mut copy = PooledRows::unset(rows.len());
        copy.copy_from_slice(rows);
        copy
    }

    /// The rows as a vector that the pool does not get back.
    pub fn into_vec(mut self) -> Vec<f32> {
        std::mem::take(&mut self.0)
    }
}

impl From<Vec<f32>> for PooledRows {
    fn from(rows: Vec<f32>) -> PooledRows {
        PooledRows(rows)
    }
}

impl Clone for PooledRows {
    fn clone(&self) -> PooledRows {
        PooledRows::copy_of(&self.0)
    }
}

impl Deref for PooledRows {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for PooledRows {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

impl Drop for PooledRows {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            release(std::mem::take(&mut self.0));
        }
    }
}

/// Whether the pool has any buffers.
pub fn holds_any() -> bool {
    !pool().arrays.is_empty()
}

/// Frees all buffers.
pub fn clear() {
    *pool() = BufferPool::EMPTY;
}

fn pool() -> MutexGuard<'static, BufferPool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the buffer out of a tensor.
struct TakeOut<'a>(&'a Mutex<Vec<f32>>);

impl InplaceOp1 for TakeOut<'_> {
    fn name(&self) -> &'static str {
        "recycle"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, _: &Layout) -> Result<()> {
        let CpuStorage::F32(values) = storage else {
            candle_core::bail!("only tensors of floats are recycled")
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
    fn reading_a_recycled_tensor_is_an_error() {
        let tensor = tensor(40_000);
        let view = tensor.narrow(0, 0, 20_000).unwrap();
        recycle(tensor);
        let read = super::super::with_values(&view, |values| Ok(values[0]));
        assert!(read.unwrap_err().to_string().contains("recycled"));
    }

    #[test]
    fn an_acquired_buffer_has_the_requested_length() {
        for len in [0, 1, LEAST - 1, LEAST, LEAST + 1, 30_000, 20_000, 29_999, 300_000] {
            let array = acquire(len);
            assert_eq!(array.len(), len);
            release(array);
        }
        recycle(Tensor::zeros(LEAST, candle_core::DType::U32, &Device::Cpu).unwrap());
    }

    #[test]
    fn zeros_and_copies_hold_nothing_of_the_rows_before() {
        let mut rows = PooledRows::zeros(LEAST);
        rows.fill(3.0);
        drop(rows);
        assert!(PooledRows::zeros(LEAST - 1).iter().all(|v| *v == 0.0));
        let copy = PooledRows::copy_of(&[1.0, 2.0]);
        assert_eq!(copy.clone().into_vec(), [1.0, 2.0]);
    }

    #[test]
    fn the_latest_of_equal_buffers_is_taken_first() {
        let mut kept = BufferPool::EMPTY;
        let arrays: Vec<Vec<f32>> = (0..3).map(|_| vec![0f32; LEAST]).collect();
        let last = arrays[2].as_ptr();
        arrays.into_iter().for_each(|array| kept.put(array));
        kept.put(vec![0f32; 2 * LEAST]);
        assert_eq!(kept.take(LEAST).map(|array| array.as_ptr()), Some(last));
    }

    #[test]
    fn the_pool_keeps_its_limit() {
        let mut kept = BufferPool::EMPTY;
        for _ in 0..6 {
            kept.put(vec![0f32; LIMIT / 4 / size_of::<f32>()]);
        }
        assert_eq!(kept.arrays.len(), 4);
        kept.put(vec![0f32; 2 * LIMIT / size_of::<f32>()]);
        assert_eq!(kept.arrays.len(), 4);
    }

    #[test]
    fn the_pool_keeps_as_much_as_a_pass_announced() {
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
