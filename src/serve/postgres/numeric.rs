//! NUMERIC on the wire, with every digit: the library's own way holds 28, and an amount has up to 38.

use bytes::{BufMut, BytesMut};
use datafusion::scalar::ScalarValue;
use datafusion_postgres::pgwire::types::format::FormatOptions;
use datafusion_postgres::pgwire::types::{FromSqlText, ToSqlText};
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Trouble = Box<dyn Error + Sync + Send>;

const NEGATIVE: u16 = 0x4000;
/// Signs from here on are NaN and the infinities, of which an amount is none.
const NOT_A_NUMBER: u16 = 0x8000;

/// Decimal digits as they are written: `-12.50`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numeric(pub(super) String);

impl Numeric {
    /// As a decimal of the engine: all digits, or an error.
    pub(super) fn scalar(&self) -> Result<ScalarValue, Trouble> {
        let (digits, scale) = match self.0.split_once('.') {
            Some((whole, part)) => (format!("{whole}{part}"), part.len()),
            None => (self.0.clone(), 0),
        };
        let value: i128 = digits.parse()?;
        let length = digits.trim_start_matches(['-', '+', '0']).len();
        if length > 38 || scale > 38 {
            return Err(format!("{} has more than 38 digits", self.0).into());
        }
        let precision = u8::try_from(length.max(scale).max(1))?;
        Ok(ScalarValue::Decimal128(
            Some(value),
            precision,
            i8::try_from(scale)?,
        ))
    }
}

impl ToSqlText for Numeric {
    fn to_sql_text(&self, _: &Type, out: &mut BytesMut, _: &FormatOptions) -> Result<IsNull, Trouble> {
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

impl ToSql for Numeric {
    /// Groups of four digits from the point outwards, none of them at either end zero.
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Trouble> {
        let (negative, digits) = match self.0.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, self.0.as_str()),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let mut padded = "0".repeat((4 - whole.len() % 4) % 4);
        padded.push_str(whole);
        let before = padded.len() / 4;
        padded.push_str(part);
        padded.push_str(&"0".repeat((4 - part.len() % 4) % 4));
        let mut groups = Vec::with_capacity(padded.len() / 4);
        for group in padded.as_bytes().chunks(4) {
            groups.push(std::str::from_utf8(group)?.parse::<u16>()?);
        }
        let leading = groups.iter().take_while(|group| **group == 0).count();
        let trailing = groups[leading..]
            .iter()
            .rev()
            .take_while(|group| **group == 0)
            .count();
        let kept = &groups[leading..groups.len() - trailing];
        let weight = match kept.is_empty() {
            true => 0,
            false => i16::try_from(before)? - 1 - i16::try_from(leading)?,
        };
        out.put_u16(u16::try_from(kept.len())?);
        out.put_i16(weight);
        out.put_u16(if negative && !kept.is_empty() { NEGATIVE } else { 0 });
        out.put_u16(u16::try_from(part.len())?);
        for group in kept {
            out.put_u16(*group);
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::NUMERIC
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Numeric {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Trouble> {
        let word = |i: usize| -> Result<u16, Trouble> {
            let bytes = raw.get(2 * i..2 * i + 2).ok_or("a NUMERIC that is too short")?;
            Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
        };
        let (count, sign, scale) = (usize::from(word(0)?), word(2)?, usize::from(word(3)?));
        let weight = i32::from(word(1)?.cast_signed());
        if sign >= NOT_A_NUMBER {
            return Err("NaN and infinity are no amounts".into());
        }
        // A client may claim any weight and scale; digits beyond what an amount can have are not written out.
        if count > 20 || !(-12..12).contains(&weight) || scale > 38 {
            return Err("a NUMERIC of more than 38 digits".into());
        }
        let group = |place: i32| -> Result<u16, Trouble> {
            match usize::try_from(weight - place) {
                Ok(index) if index < count => word(4 + index),
                _ => Ok(0),
            }
        };
        let mut whole = String::new();
        for place in (0..=weight.max(0)).rev() {
            whole.push_str(&format!("{:04}", group(place)?));
        }
        let mut part = String::new();
        let mut place = -1;
        while part.len() < scale {
            part.push_str(&format!("{:04}", group(place)?));
            place -= 1;
        }
        part.truncate(scale);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let sign = if sign == NEGATIVE { "-" } else { "" };
        let point = if scale == 0 { "" } else { "." };
        Ok(Numeric(format!("{sign}{whole}{point}{part}")))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::NUMERIC
    }
}

impl<'a> FromSqlText<'a> for Numeric {
    fn from_sql_text(_: &Type, input: &'a [u8], _: &FormatOptions) -> Result<Self, Trouble> {
        let text = std::str::from_utf8(input)?.trim();
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if !plain || digits.matches('.').count() > 1 || !digits.bytes().any(|b| b.is_ascii_digit()) {
            return Err(format!("'{text}' is not a plain decimal number").into());
        }
        Ok(Numeric(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::datatypes::{Decimal128Type, DecimalType};
    use proptest::prelude::*;

    fn there_and_back(text: &str) -> String {
        let mut wire = BytesMut::new();
        Numeric(text.to_owned())
            .to_sql(&Type::NUMERIC, &mut wire)
            .unwrap();
        Numeric::from_sql(&Type::NUMERIC, &wire).unwrap().0
    }

    #[test]
    fn the_bytes_are_those_of_the_protocol() {
        let mut wire = BytesMut::new();
        Numeric("-12345.67".to_owned())
            .to_sql(&Type::NUMERIC, &mut wire)
            .unwrap();
        // Three groups 1, 2345, 6700; the first weighs 10000¹; negative; two digits behind the point.
        assert_eq!(
            &wire[..],
            [0, 3, 0, 1, 0x40, 0, 0, 2, 0, 1, 0x09, 0x29, 0x1a, 0x2c]
        );
        let mut zero = BytesMut::new();
        Numeric("0.00".to_owned())
            .to_sql(&Type::NUMERIC, &mut zero)
            .unwrap();
        assert_eq!(&zero[..], [0, 0, 0, 0, 0, 0, 0, 2]);
    }

    #[test]
    fn every_digit_of_an_amount_goes_there_and_back() {
        for text in [
            "0",
            "1",
            "10000",
            "0.000000000000000001",
            "-0.5",
            "99999999999999999999.999999999999999999",
            "-79228162514.264337593543950336",
            "100000000.0001",
        ] {
            assert_eq!(there_and_back(text), text);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for wrong in ["", ".", "1.2.3", "1e5", "NaN", "--1", "½"] {
            let read = Numeric::from_sql_text(&Type::NUMERIC, wrong.as_bytes(), &FormatOptions::default());
            assert!(read.is_err(), "{wrong}");
        }
        assert!(Numeric::from_sql(&Type::NUMERIC, &[0, 9, 0]).is_err());
        assert!(Numeric::from_sql(&Type::NUMERIC, &[0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0, 1]).is_err());
        assert!(Numeric("1".repeat(39)).scalar().is_err());
    }

    proptest! {
        #[test]
        fn any_amount_goes_there_and_back(value in -(10i128.pow(37))..10i128.pow(37), scale in 0usize..19) {
            let text = Decimal128Type::format_decimal(value, 38, i8::try_from(scale).unwrap());
            prop_assert_eq!(there_and_back(&text), text);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Numeric::from_sql(&Type::NUMERIC, &bytes);
        }
    }
}
