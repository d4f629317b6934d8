//! What is kept of a block of spans beside it, so that a search reads only the blocks that may hold what it looks for: a
//! summary with a Bloom filter of tags, and a short row for each span. Pure; which tables hold them is the segment's matter.

use super::block::hash;

/// Bytes of a filter before it is folded: enough for a full block of spans with ids of all kinds.
const FILTER: usize = 2048;
/// Bits that a tag sets in a filter.
const PROBES: u32 = 3;
/// A filter is folded while at most one bit in so many is set.
const SPARSE: u32 = 7;
/// Bytes of a row.
const ROW: usize = 44;

/// A short hash of a tag. Equal tags have equal hashes; readers compare the tags themselves, too.
pub(crate) fn tag_hash(name: &str, value: &str) -> u32 {
    short(hash(&[name.as_bytes(), value.as_bytes()]))
}

/// What a segment's service is called in a filter.
pub(crate) fn service_hash(id: u32) -> u32 {
    short(hash(&[b"service", &id.to_le_bytes()]))
}

/// What a span's name, by its hash, is called in a filter.
pub(crate) fn op_key(op_hash: u32) -> u32 {
    short(hash(&[b"op", &op_hash.to_le_bytes()]))
}

fn short(hash: i64) -> u32 {
    // The lower bits of this hash are the weaker ones.
    let mixed = (hash ^ (hash >> 32)) as u32;
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b);
    mixed ^ (mixed >> 13)
}

/// The bits that a tag sets in a row.
pub(crate) fn row_bits(tag: u32) -> u128 {
    (1 << (tag & 127)) | (1 << ((tag >> 7) & 127))
}

/// What a search must know of a span to pass over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) service: u32,
    pub(crate) op_hash: u32,
    pub(crate) start_ns: i64,
    pub(crate) duration_ns: i64,
    /// [`row_bits`] of all its tags.
    pub(crate) tags: u128,
    /// Where in the block it lies.
    pub(crate) pos: u32,
}

/// The rows of a block.
pub(crate) fn rows(packed: &[u8]) -> impl Iterator<Item = Row> {
    packed.chunks_exact(ROW).map(|row| Row {
        service: u32::from_le_bytes(array(row, 0)),
        op_hash: u32::from_le_bytes(array(row, 4)),
        start_ns: i64::from_le_bytes(array(row, 8)),
        duration_ns: i64::from_le_bytes(array(row, 16)),
        tags: u128::from_le_bytes(array(row, 24)),
        pos: u32::from_le_bytes(array(row, 40)),
    })
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

/// Whether a filter may have been given this hash; `false` is certain.
pub(crate) fn may_hold(filter: &[u8], tag: u32) -> bool {
    // One of another size is none of ours: then it says nothing.
    !filter.len().is_power_of_two()
        || probes(tag).all(|bit| filter[(bit / 8) % filter.len()] & (1 << (bit % 8)) != 0)
}

fn probes(tag: u32) -> impl Iterator<Item = usize> {
    let step = tag.rotate_left(15) | 1;
    (0..PROBES).map(move |i| tag.wrapping_add(step.wrapping_mul(i)) as usize)
}

/// A block's summary and rows, while it is filled.
#[derive(Debug)]
pub(crate) struct BlockIndex {
    pub(crate) starts: (i64, i64),
    pub(crate) durations: (i64, i64),
    pub(crate) rows: Vec<u8>,
    filter: Box<[u8; FILTER]>,
}

impl Default for BlockIndex {
    fn default() -> Self {
        let none = (i64::MAX, i64::MIN);
        Self { starts: none, durations: none, rows: Vec::new(), filter: Box::new([0; FILTER]) }
    }
}

impl BlockIndex {
    /// Adds a span with the hashes of its tags; `row.tags` is made of them.
    pub(crate) fn add(&mut self, mut row: Row, tags: impl Iterator<Item = u32>) {
        self.note(service_hash(row.service));
        self.note(op_key(row.op_hash));
        row.tags = 0;
        for tag in tags {
            self.note(tag);
            row.tags |= row_bits(tag);
        }
        let widen = |range: &mut (i64, i64), value: i64| *range = (range.0.min(value), range.1.max(value));
        widen(&mut self.starts, row.start_ns);
        widen(&mut self.durations, row.duration_ns);
        self.rows.extend_from_slice(&row.service.to_le_bytes());
        self.rows.extend_from_slice(&row.op_hash.to_le_bytes());
        self.rows.extend_from_slice(&row.start_ns.to_le_bytes());
        self.rows.extend_from_slice(&row.duration_ns.to_le_bytes());
        self.rows.extend_from_slice(&row.tags.to_le_bytes());
        self.rows.extend_from_slice(&row.pos.to_le_bytes());
    }

    fn note(&mut self, tag: u32) {
        for bit in probes(tag) {
            self.filter[(bit / 8) % FILTER] |= 1 << (bit % 8);
        }
    }

    /// The filter, no larger than what it was given needs.
    pub(crate) fn filter(&self) -> Vec<u8> {
        let mut filter = self.filter.to_vec();
        let is_sparse = |filter: &[u8]| {
            let ones: u32 = filter.iter().map(|byte| byte.count_ones()).sum();
            filter.len() > 8 && ones * SPARSE <= filter.len() as u32 * 8
        };
        while is_sparse(&filter) {
            // Places are taken modulo the size, so the upper half falls onto the lower.
            let upper = filter.split_off(filter.len() / 2);
            filter.iter_mut().zip(upper).for_each(|(low, high)| *low |= high);
        }
        filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(pos: u32) -> Row {
        let (start_ns, duration_ns) = (i64::from(pos) - 3, i64::from(pos) * 10);
        Row { service: 1, op_hash: 2, start_ns, duration_ns, tags: 0, pos }
    }

    #[test]
    fn rows_are_read_as_they_were_added_with_the_bits_of_their_tags() {
        let mut index = BlockIndex::default();
        index.add(row(5), [tag_hash("a", "1")].into_iter());
        index.add(row(9), [].into_iter());
        let read: Vec<Row> = rows(&index.rows).collect();
        assert_eq!(read, [Row { tags: row_bits(tag_hash("a", "1")), ..row(5) }, row(9)]);
        assert_eq!((index.starts, index.durations), ((2, 6), (50, 90)));
    }

    #[test]
    fn few_tags_make_a_small_filter_and_many_no_useless_one() {
        let mut few = BlockIndex::default();
        few.add(row(1), (0..10).map(|n| tag_hash("few", &n.to_string())));
        assert!(few.filter().len() <= 64, "{}", few.filter().len());
        let mut many = BlockIndex::default();
        many.add(row(1), (0..1000).map(|n| tag_hash("many", &n.to_string())));
        let filter = many.filter();
        let wrong = (0..10_000).filter(|n| may_hold(&filter, tag_hash("other", &n.to_string()))).count();
        assert!(wrong < 500, "{wrong} of 10,000 that are not there");
    }

    #[test]
    fn few_spans_seem_to_have_a_tag_that_they_have_not() {
        let tags = |span: u32| (0..16).map(move |n| tag_hash(&format!("tag.{n}"), &format!("{span}")));
        let bits = |span| tags(span).fold(0, |bits, tag| bits | row_bits(tag));
        let sought = row_bits(tag_hash("sought", "1"));
        let wrong = (0..1000).filter(|span| bits(*span) & sought == sought).count();
        assert!(wrong < 100, "{wrong} of 1,000");
    }

    proptest! {
        #[test]
        fn a_filter_holds_what_it_was_given(tags in proptest::collection::vec(any::<u32>(), 0..2000)) {
            let mut index = BlockIndex::default();
            index.add(row(1), tags.iter().copied());
            let filter = index.filter();
            prop_assert!(tags.iter().all(|tag| may_hold(&filter, *tag)));
            prop_assert!(may_hold(&filter, service_hash(1)) && may_hold(&filter, op_key(2)));
        }

        #[test]
        fn damaged_bytes_make_nothing_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), tag: u32) {
            let _ = (rows(&bytes).count(), may_hold(&bytes, tag));
        }
    }
}
