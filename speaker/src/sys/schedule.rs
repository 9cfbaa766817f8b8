use std::io;

use nix::errno::Errno;

/// Gives the calling thread real-time scheduling (SCHED_FIFO, middle priority); processes it starts do not inherit it.
///
/// # Errors
/// CAP_SYS_NICE is missing, or the control group has no real-time share.
pub fn schedule_realtime() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: PRIORITY };
    // SAFETY: the pointer is to a whole sched_param that outlives the call; pid 0 is the calling thread.
    let result = unsafe {
        libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const parameters)
    };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

/// Keeps the allocator from holding memory for each thread: the process has few threads and little to hold.
pub fn limit_memory() {
    // SAFETY: mallopt only sets numbers of the allocator's own; no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TRIM_THRESHOLD, TRIM_THRESHOLD);
        libc::mallopt(libc::M_MMAP_THRESHOLD, TRIM_THRESHOLD);
    }
}

/// Above ordinary real-time work, below the kernel's own threads that must not wait for us.
const PRIORITY: i32 = 40;
/// In bytes.
const TRIM_THRESHOLD: i32 = 128 << 10;
