//! The one list of embedded files. `tests/it/tidy.rs` compares it with the folder, both ways.

macro_rules! assets {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/", $path)))),*]
    };
}

pub(super) static ASSETS: &[(&str, &str)] = assets![
];
