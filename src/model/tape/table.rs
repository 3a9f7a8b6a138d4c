//! Embedding tables, which stay in their stored format, since a text needs few rows.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{DType, Device, Result, Tensor, bail};

use crate::model::kernels::blocks::BlockPanels;

/// A table (rows, width).
#[derive(Debug, Clone)]
pub enum Table {
    /// Floats of any width.
    Plain(Tensor),
    /// Quantized blocks.
    Quantized(Arc<QTensor>),
    /// Quantized blocks in panels, which a head multiplies by: [`PART`] rows per part, at least one part.
    Blocks(Vec<Arc<BlockPanels>>),
}

/// Number of rows of a head's matrix that are packed at once.
pub const PART: usize = 8192;

impl Table {
    /// Number of rows.
    pub fn len(&self) -> usize {
        let dims = match self {
            Table::Plain(tensor) => tensor.dims(),
            Table::Quantized(tensor) => tensor.shape().dims(),
            Table::Blocks(parts) => return parts.iter().map(|part| part.columns()).sum(),
        };
        dims.first().copied().unwrap_or(0)
    }

    /// Width of a row.
    pub fn width(&self) -> usize {
        let dims = match self {
            Table::Plain(tensor) => tensor.dims(),
            Table::Quantized(tensor) => tensor.shape().dims(),
            Table::Blocks(parts) => return parts.first().map_or(0, |part| part.inner()),
        };
        dims.get(1).copied().unwrap_or(0)
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Table::Plain(tensor) => tensor.elem_count() * tensor.dtype().size_in_bytes(),
            Table::Quantized(tensor) => tensor.storage_size_in_bytes(),
            Table::Blocks(parts) => parts.iter().map(|part| part.bytes()).sum(),
        }
    }

    /// Some rows in f32, concatenated: (ids, width).
    ///
    /// # Errors
    /// If a row does not exist.
    pub fn rows(&self, ids: &[u32]) -> Result<Vec<f32>> {
        if let Some(id) = ids.iter().find(|id| **id as usize >= self.len()) {
            bail!("the table has no row {id}")
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Table::Plain(tensor) => {
                let ids = Tensor::from_slice(ids, ids.len(), &Device::Cpu)?;
                let rows = tensor.index_select(&ids, 0)?.to_dtype(DType::F32)?;
                rows.flatten_all()?.to_vec1()
            }
            Table::Quantized(tensor) => {
                let (all, width) = tensor.shape().dims2()?;
                let (data, dtype) = (tensor.data()?, tensor.dtype());
                let bytes = data.len() / all.max(1);
                if !width.is_multiple_of(dtype.block_size()) {
                    return Table::Plain(tensor.dequantize(&Device::Cpu)?).rows(ids);
                }
                // All rows at once, because a call costs more than expanding a few blocks.
                let rows = ids.iter().map(|id| *id as usize * bytes);
                let picked: Vec<u8> = rows.flat_map(|start| &data[start..start + bytes]).copied().collect();
                expanded(picked.into(), dtype, (ids.len(), width))?
                    .flatten_all()?
                    .to_vec1()
            }
            Table::Blocks(_) => Ok(ids.iter().flat_map(|id| self.columns_of(*id as usize)).collect()),
        }
    }

    /// A range of rows in f32: (rows, width).
    ///
    /// # Errors
    /// If the rows do not exist.
    pub fn block(&self, rows: Range<usize>) -> Result<Tensor> {
        match self {
            Table::Plain(tensor) => tensor.narrow(0, rows.start, rows.len())?.to_dtype(DType::F32),
            Table::Quantized(tensor) => {
                let (all, width) = tensor.shape().dims2()?;
                let (data, dtype) = (tensor.data()?, tensor.dtype());
                let bytes = data.len() / all.max(1);
                // Rows consist of whole blocks if the width is a multiple of the block size.
                if !width.is_multiple_of(dtype.block_size()) {
                    return tensor.dequantize(&Device::Cpu)?.narrow(0, rows.start, rows.len());
                }
                let Some(part) = data.get(rows.start * bytes..rows.end * bytes) else {
                    bail!("the table has no rows {rows:?}")
                };
                expanded(part.into(), dtype, (rows.len(), width))
            }
            Table::Blocks(_) => {
                if rows.end > self.len() {
                    bail!("the table has no rows {rows:?}")
                }
                let shape = (rows.len(), self.width());
                let values: Vec<f32> = rows.flat_map(|row| self.columns_of(row)).collect();
                Tensor::from_vec(values, shape, &Device::Cpu)
            }
        }
    }

    /// The entries of an existing row of panels.
    fn columns_of(&self, row: usize) -> Vec<f32> {
        match self {
            Table::Blocks(parts) => {
                let part = &parts[row / PART];
                (0..part.inner()).map(|k| part.at(k, row % PART)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Expands quantized rows to floats.
fn expanded(bytes: Cow<[u8]>, dtype: GgmlDType, shape: (usize, usize)) -> Result<Tensor> {
    let storage = QStorage::from_data(bytes, &Device::Cpu, dtype)?;
    QTensor::new(storage, shape)?.dequantize(&Device::Cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantized_rows_equal_those_of_the_expanded_table() {
        let values: Vec<f32> = (0..7 * 64).map(|i| (i as f32 * 0.37).sin()).collect();
        let whole = Tensor::from_vec(values, (7, 64), &Device::Cpu).unwrap();
        for dtype in [GgmlDType::Q8_0, GgmlDType::Q4_0, GgmlDType::F16] {
            let quantized = QTensor::quantize(&whole, dtype).unwrap();
            let floats: Vec<Vec<f32>> = quantized.dequantize(&Device::Cpu).unwrap().to_vec2().unwrap();
            let table = Table::Quantized(Arc::new(quantized));
            assert_eq!(
                table.rows(&[6, 0, 6, 3]).unwrap(),
                [&floats[6], &floats[0], &floats[6], &floats[3]]
                    .map(Vec::clone)
                    .concat()
            );
            assert_eq!(table.block(2..5).unwrap().to_vec2::<f32>().unwrap(), floats[2..5]);
            assert!(table.rows(&[7]).is_err() && table.rows(&[]).unwrap().is_empty());
        }
    }

    #[test]
    fn rows_of_a_head_in_blocks_equal_those_of_the_expanded_table() {
        let rows = PART + 3;
        let values: Vec<f32> = (0..rows * 32).map(|i| (i as f32 * 0.37).sin()).collect();
        let whole = Tensor::from_vec(values, (rows, 32), &Device::Cpu).unwrap();
        let quantized = QTensor::quantize(&whole, GgmlDType::Q8_0).unwrap();
        let floats: Vec<Vec<f32>> = quantized.dequantize(&Device::Cpu).unwrap().to_vec2().unwrap();
        let data = quantized.data().unwrap();
        let part = |first: usize, count: usize| {
            let panels = crate::model::quantized::panels(GgmlDType::Q8_0, &data, 32, &|c| first + c, count);
            Arc::new(panels.unwrap().unwrap())
        };
        let table = Table::Blocks(vec![part(0, PART), part(PART, 3)]);
        assert_eq!((table.len(), table.width()), (rows, 32));
        let last = rows as u32 - 1;
        assert_eq!(
            table.rows(&[last, 0]).unwrap(),
            [&floats[rows - 1][..], &floats[0]].concat()
        );
        let across = PART - 2..PART + 2;
        assert_eq!(
            table.block(across.clone()).unwrap().to_vec2::<f32>().unwrap(),
            floats[across]
        );
        assert!(table.rows(&[last + 1]).is_err() && table.block(rows - 1..rows + 1).is_err());
    }
}
