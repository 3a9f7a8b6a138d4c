//! The wire format of pgvector's `halfvec`: width, two zero bytes, then 16-bit floats, all big-endian.

use std::error::Error;

use bytes::BytesMut;
use half::f16;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A vector of 16-bit floats.
#[derive(Debug, Clone, PartialEq)]
pub struct Halfvec(pub Vec<f16>);

impl Halfvec {
    /// Rounds a vector to 16-bit floats.
    pub fn of(vector: &[f32]) -> Halfvec {
        Halfvec(vector.iter().copied().map(f16::from_f32).collect())
    }

    /// The vector as 32-bit floats.
    pub fn floats(&self) -> Vec<f32> {
        self.0.iter().map(|v| v.to_f32()).collect()
    }
}

impl ToSql for Halfvec {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&u16::try_from(self.0.len())?.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        self.0.iter().for_each(|v| out.extend_from_slice(&v.to_be_bytes()));
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "halfvec"
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Halfvec {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Halfvec, Box<dyn Error + Sync + Send>> {
        let (head, body) = raw.split_at_checked(4).ok_or("a halfvec without a head")?;
        let (halves, rest) = body.as_chunks::<2>();
        if usize::from(u16::from_be_bytes([head[0], head[1]])) != halves.len() || !rest.is_empty() {
            return Err("a halfvec of another length than it says".into());
        }
        Ok(Halfvec(halves.iter().map(|half| f16::from_be_bytes(*half)).collect()))
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "halfvec"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_survives_serialization_and_a_truncated_one_is_rejected() {
        let vector = Halfvec::of(&[0.5, -1.0, 0.25]);
        let mut out = BytesMut::new();
        vector.to_sql(&Type::TEXT, &mut out).unwrap();
        assert_eq!(&out[..6], [0, 3, 0, 0, 0x38, 0]);
        assert_eq!(Halfvec::from_sql(&Type::TEXT, &out).unwrap(), vector);
        for end in [0, 3, 5, 8] {
            assert!(Halfvec::from_sql(&Type::TEXT, &out[..end]).is_err());
        }
    }
}
