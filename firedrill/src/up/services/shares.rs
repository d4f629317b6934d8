//! Which part of the requests each instance of a service gets. Pure.

/// The parts, in the order of the instances. `deployed` is the part that was asked for one that was deployed, and none for the
/// others, which share the rest alike.
pub(super) fn of(deployed: &[Option<f64>]) -> Vec<f64> {
    let taken: f64 = deployed.iter().flatten().sum();
    let others = deployed.iter().filter(|share| share.is_none()).count().max(1);
    #[expect(clippy::cast_precision_loss, reason = "there are a few instances")]
    let each = (1.0 - taken).max(0.0) / others as f64;
    deployed.iter().map(|share| share.unwrap_or(each)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_deployed_one_leaves_is_shared_alike() {
        assert_eq!(of(&[None]), [1.0]);
        assert_eq!(of(&[None, None]), [0.5, 0.5]);
        assert_eq!(of(&[None, Some(0.5)]), [0.5, 0.5]);
        assert_eq!(of(&[None, None, Some(0.5)]), [0.25, 0.25, 0.5]);
        assert_eq!(of(&[None, Some(1.0)]), [0.0, 1.0]);
    }
}
