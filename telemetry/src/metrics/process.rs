//! `process_*`, read from `/proc` when the exposition is asked for. Where there is no `/proc` the families are absent.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Reads this process' figures at each scrape.
#[derive(Debug)]
pub(crate) struct ProcessCollector;

/// What one reading gave.
#[derive(Debug, PartialEq)]
struct Reading {
    cpu_seconds: f64,
    start_seconds: f64,
    threads: u64,
    resident_bytes: u64,
    open_fds: u64,
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(reading) = read() else { return Ok(()) };
        let cpu = ConstCounter::new(reading.cpu_seconds);
        let help = "Processor time spent, user and system.";
        cpu.encode(encoder.encode_descriptor(
            "process_cpu",
            help,
            Some(&Unit::Seconds),
            cpu.metric_type(),
        )?)?;
        let gauges = [
            (
                "process_start_time",
                "Start of the process since the epoch.",
                Some(Unit::Seconds),
                reading.start_seconds,
            ),
            (
                "process_resident_memory",
                "Memory held in RAM.",
                Some(Unit::Bytes),
                reading.resident_bytes as f64,
            ),
            ("process_open_fds", "Open file descriptors.", None, reading.open_fds as f64),
            ("process_threads", "Threads of the process.", None, reading.threads as f64),
        ];
        for (name, help, unit, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit.as_ref(), gauge.metric_type())?)?;
        }
        Ok(())
    }
}

fn read() -> Option<Reading> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let boot = std::fs::read_to_string("/proc/stat").ok()?;
    let open_fds = std::fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    // The listing itself holds one descriptor.
    parse(
        &stat,
        &boot,
        open_fds.saturating_sub(1),
        rustix::param::clock_ticks_per_second(),
        rustix::param::page_size() as u64,
    )
}

fn parse(stat: &str, boot: &str, open_fds: u64, ticks: u64, page: u64) -> Option<Reading> {
    // The second field is the command in parentheses and may hold blanks and parentheses itself.
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 2..)?.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let boot_seconds: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let ticks = ticks as f64;
    Some(Reading {
        cpu_seconds: (number(11)? + number(12)?) as f64 / ticks,
        threads: number(17)?,
        start_seconds: boot_seconds + number(19)? as f64 / ticks,
        resident_bytes: number(21)? * page,
        open_fds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 7 0 1000 123456 300 \
                    18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0";
        let reading = parse(stat, "cpu 1 2\nbtime 1700000000\n", 9, 100, 4096);
        assert_eq!(
            reading,
            Some(Reading {
                cpu_seconds: 3.0,
                start_seconds: 1_700_000_010.0,
                threads: 7,
                resident_bytes: 300 * 4096,
                open_fds: 9,
            })
        );
    }

    #[test]
    fn text_that_is_no_stat_line_gives_no_reading() {
        assert_eq!(parse("", "btime 1", 0, 100, 4096), None);
        assert_eq!(parse("1 (x)", "btime 1", 0, 100, 4096), None);
    }
}
