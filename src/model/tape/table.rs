//! Tables whose rows are looked up: they stay as they are stored, since a text needs few of their rows.

use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::{QStorage, QTensor};
use candle_core::{DType, Device, Result, Tensor, bail};

/// A table (rows, width).
#[derive(Debug, Clone)]
pub enum Table {
    /// Floats of any kind.
    Plain(Tensor),
    /// Blocks of fewer bits.
    Quantized(Arc<QTensor>),
}

impl Table {
    /// Rows.
    pub fn len(&self) -> usize {
        let dims = match self {
            Table::Plain(tensor) => tensor.dims(),
            Table::Quantized(tensor) => tensor.shape().dims(),
        };
        dims.first().copied().unwrap_or(0)
    }

    /// Some rows, one after the other, in f32: (ids, width).
    ///
    /// # Errors
    /// If a row does not exist.
    pub fn rows(&self, ids: &[u32]) -> Result<Vec<f32>> {
        if let Some(id) = ids.iter().find(|id| **id as usize >= self.len()) {
            bail!("the table has no row {id}")
        }
        match self {
            Table::Plain(tensor) => {
                let ids = Tensor::from_slice(ids, ids.len(), &Device::Cpu)?;
                let rows = tensor.index_select(&ids, 0)?.to_dtype(DType::F32)?;
                rows.flatten_all()?.to_vec1()
            }
            Table::Quantized(_) => {
                let mut out = Vec::new();
                for id in ids {
                    out.extend(
                        self.block(*id as usize..*id as usize + 1)?
                            .flatten_all()?
                            .to_vec1::<f32>()?,
                    );
                }
                Ok(out)
            }
        }
    }

    /// Some rows in a row, in f32: (rows, width).
    ///
    /// # Errors
    /// If they do not exist.
    pub fn block(&self, rows: Range<usize>) -> Result<Tensor> {
        match self {
            Table::Plain(tensor) => tensor.narrow(0, rows.start, rows.len())?.to_dtype(DType::F32),
            Table::Quantized(tensor) => {
                let (all, width) = tensor.shape().dims2()?;
                let (data, dtype) = (tensor.data()?, tensor.dtype());
                let bytes = data.len() / all.max(1);
                // The blocks of a row are its own where its width is a multiple of theirs.
                if !width.is_multiple_of(dtype.block_size()) {
                    return tensor.dequantize(&Device::Cpu)?.narrow(0, rows.start, rows.len());
                }
                let Some(part) = data.get(rows.start * bytes..rows.end * bytes) else {
                    bail!("the table has no rows {rows:?}")
                };
                let storage = QStorage::from_data(part.into(), &Device::Cpu, dtype)?;
                QTensor::new(storage, (rows.len(), width))?.dequantize(&Device::Cpu)
            }
        }
    }
}
