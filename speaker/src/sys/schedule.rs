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

/// Asks the ordinary scheduler to let the calling thread run for short slices only, and therefore soon after it wakes:
/// what an ordinary thread may have instead of [`schedule_realtime`]. Needs no capability; Linux before 6.12 takes it and
/// changes nothing.
///
/// # Errors
/// The kernel does not know the call.
pub fn schedule_short_slice() -> io::Result<()> {
    let attributes = SchedAttr {
        size: size_of::<SchedAttr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
        sched_runtime: SHORT_SLICE,
        ..SchedAttr::default()
    };
    // SAFETY: the pointer is to a whole sched_attr whose `size` says so, and that outlives the call; the kernel only reads
    // it. Pid 0 is the calling thread, and no flags are defined.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

/// The first version of the kernel's `struct sched_attr` (sched_setattr(2)).
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct SchedAttr {
    size: u32,
    sched_policy: u32,
    sched_flags: u64,
    sched_nice: i32,
    sched_priority: u32,
    sched_runtime: u64,
    sched_deadline: u64,
    sched_period: u64,
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
/// The shortest slice the kernel gives, in nanoseconds.
const SHORT_SLICE: u64 = 100_000;
/// In bytes.
const TRIM_THRESHOLD: i32 = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// On a thread of its own, whose scheduling is nobody else's.
    #[test]
    fn the_slice_is_as_the_kernel_was_asked() {
        let read = std::thread::spawn(|| {
            schedule_short_slice().unwrap();
            let mut attributes = SchedAttr::default();
            let size = size_of::<SchedAttr>();
            // SAFETY: the pointer is to a whole sched_attr of the size passed, which the kernel fills in.
            let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
            Errno::result(result).map(|_| attributes)
        });
        let attributes = read.join().unwrap().unwrap();
        assert_eq!(attributes.sched_policy, libc::SCHED_OTHER as u32);
        assert_eq!(attributes.sched_nice, 0, "its share of the processor stays what it was");
        // Older kernels have no such slice and report none.
        assert!([0, SHORT_SLICE].contains(&attributes.sched_runtime), "{}", attributes.sched_runtime);
    }
}
