"""Parts of `benches/compare.py`. Only the standard library; DuckDB lives in a process of its own."""
