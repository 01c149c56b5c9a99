//! The thin binary: parse, run, exit with a status that has a name.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    spendscope::cli::main()
}
