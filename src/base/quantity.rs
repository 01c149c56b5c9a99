//! Lengths of time and sizes as people write them: `30s`, `2 min`, `64 MB`.

use std::time::Duration;

/// `500ms`, `30s`, `30`, `2m`, `2 min`, `1h`. None: it is none of these, or nothing at all.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = parts(text)?;
    let seconds = match unit.as_str() {
        "ms" => 0.001,
        "" | "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
}

/// `64MB`, `2 GB`, `512KiB`, `1000000`. K, M and G are powers of 1,024, with or without an `i`, as memory
/// is counted.
pub fn bytes(text: &str) -> Option<usize> {
    let (number, unit) = parts(text)?;
    let shift = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    let bytes = number * (1_u64 << shift) as f64;
    (bytes >= 1.0 && bytes < usize::MAX as f64).then_some(bytes as usize)
}

/// The number and, in small letters, what follows it.
fn parts(text: &str) -> Option<(f64, String)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        let millis = |text| duration(text).map(|d| d.as_millis());
        assert_eq!(millis("30s"), Some(30_000));
        assert_eq!(millis(" 1.5 min "), Some(90_000));
        assert_eq!(millis("250 ms"), Some(250));
        assert_eq!(millis("2"), Some(2_000));
        for wrong in ["", "s", "-1s", "0s", "1 fortnight", "1s2", "NaN", "1e400h"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
        assert_eq!(bytes("64MB"), Some(64 << 20));
        assert_eq!(bytes("1.5 GiB"), Some(3 << 29));
        assert_eq!(bytes("4096"), Some(4096));
        assert_eq!(bytes("8k"), Some(8192));
        for wrong in ["", "MB", "-1", "0", "12 parsecs", "99999999999T"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
