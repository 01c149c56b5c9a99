//! `queries/README.md` is what the headers of the files say.

use spendscope::asset::Assets;
use spendscope::asset::index::index;

#[test]
fn index_is_fresh() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/README.md");
    let expected = index(&Assets::builtin()).unwrap();
    if std::env::var_os("SPENDSCOPE_UPDATE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == expected,
        "queries/README.md is stale: SPENDSCOPE_UPDATE=1 cargo test index_is_fresh"
    );
}
