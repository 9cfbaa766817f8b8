use ferrolb_sansio::Instant;
use nix::time::{ClockId, clock_gettime};

/// Boot time: it goes on while the process is frozen and while the machine sleeps, and nobody can set it.
pub fn now() -> Instant {
    Instant::from_nanos(read(ClockId::CLOCK_BOOTTIME))
}

/// Boot time and wall-clock time read together, to turn the kernel's wall-clock time stamps into boot time.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    boot: u64,
    wall: u64,
}

impl Clocks {
    /// Reads both.
    pub fn read() -> Self {
        Self { wall: read(ClockId::CLOCK_REALTIME), boot: read(ClockId::CLOCK_BOOTTIME) }
    }

    /// Boot time now.
    pub fn now(self) -> Instant {
        Instant::from_nanos(self.boot)
    }

    /// The boot time at which the wall clock showed `wall` nanoseconds. It is never in the future and never before
    /// `earliest`, so that a step of the wall clock cannot make a fresh frame old.
    pub fn boot_time_of(self, wall: u64, earliest: Instant) -> Instant {
        let age = self.wall.saturating_sub(wall);
        Instant::from_nanos(self.boot.saturating_sub(age)).max(earliest).min(self.now())
    }
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock).expect("both clocks exist since Linux 2.6.39");
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps_are_moved_to_boot_time_within_bounds() {
        let clocks = Clocks { boot: 10_000, wall: 900_000 };
        assert_eq!(clocks.boot_time_of(899_000, Instant::ZERO), Instant::from_nanos(9_000));
        assert_eq!(
            clocks.boot_time_of(950_000, Instant::ZERO),
            Instant::from_nanos(10_000),
            "never in the future"
        );
        let earliest = Instant::from_nanos(9_500);
        assert_eq!(clocks.boot_time_of(0, earliest), earliest, "a stepped clock cannot age a frame");
    }

    #[test]
    fn boot_time_goes_on() {
        let before = now();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(now() > before);
    }
}
