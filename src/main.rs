//! The thin binary: parse, run, exit with a status that has a name.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

unsafe extern "C" {
    /// Part of mimalloc. Its options are numbered in `mimalloc.h`.
    fn mi_option_set(option: std::ffi::c_int, value: std::ffi::c_long);
}

/// `mi_option_purge_delay`, in milliseconds.
const PURGE_DELAY: std::ffi::c_int = 15;

fn main() -> std::process::ExitCode {
    // What is freed is needed again at once, batch after batch. Given back to the system after the usual 10 ms, it
    // comes back page by page, each to be cleared: a sixth of the time of an ingest. After 100 ms it is not, and what a
    // query held does not stay on while the next one runs.
    // SAFETY: sets a number in a table of the allocator, before there are other threads.
    unsafe { mi_option_set(PURGE_DELAY, 100) };
    spendscope::cli::main()
}
