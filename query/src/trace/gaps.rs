//! The time a span spent outside its children.

/// A stretch of a span in which none of its children ran: its own work, or waiting that no span accounts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// From when, in microseconds since the trace began.
    pub offset_us: u64,
    /// How long, in microseconds; never zero.
    pub duration_us: u64,
}

/// What of `[start, end)` is not covered by any of `children`, in order. Children may overlap, and may reach beyond
/// their parent (work that goes on after the answer).
pub(super) fn gaps(start: u64, end: u64, mut children: Vec<(u64, u64)>) -> Vec<Gap> {
    children.sort_unstable();
    let mut gaps = Vec::new();
    let mut covered = start;
    for (from, to) in children {
        if from >= end {
            break;
        }
        if from > covered {
            gaps.push(Gap { offset_us: covered, duration_us: from - covered });
        }
        covered = covered.max(to);
    }
    if covered < end {
        gaps.push(Gap { offset_us: covered, duration_us: end - covered });
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(children: &[(u64, u64)]) -> Vec<(u64, u64)> {
        gaps(100, 200, children.to_vec()).into_iter().map(|g| (g.offset_us, g.duration_us)).collect()
    }

    #[test]
    fn self_time_is_what_no_child_covers() {
        assert_eq!(of(&[]), [(100, 100)]);
        assert_eq!(of(&[(110, 120), (150, 160)]), [(100, 10), (120, 30), (160, 40)]);
        assert_eq!(of(&[(150, 160), (110, 155)]), [(100, 10), (160, 40)], "overlapping, in any order");
        assert_eq!(of(&[(50, 250)]), [], "longer than the parent at both ends");
        assert_eq!(of(&[(10, 20), (200, 300), (250, 260)]), [(100, 100)], "beside the parent");
        assert_eq!(of(&[(150, 150)]), [(100, 50), (150, 50)], "an instant divides");
    }
}
