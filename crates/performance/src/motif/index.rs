//! Where runs of notes were heard last.

/// Earlier runs with the same hash that are looked at. With as many hashes as places, more than a few
/// happen to nobody; this bounds the time that a strike takes.
const MAX_LOOKS: usize = 64;

/// The latest places of each hash, as chains from late to early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// The latest place of each hash, plus 1; 0 for none.
    heads: Vec<u32>,
    /// The place before each with its hash, plus 1, in a ring of places.
    before: Vec<u32>,
}

impl Index {
    /// Of as many places as are remembered.
    pub(super) fn new(n_places: usize) -> Self {
        let n_places = n_places.next_power_of_two();
        Self { heads: vec![0; n_places], before: vec![0; n_places] }
    }

    /// The latest place with this hash for which `is_equal`, from `oldest` on.
    pub(super) fn find(&self, hash: u32, oldest: u32, is_equal: impl Fn(u32) -> bool) -> Option<u32> {
        let mut next = *self.heads.get(self.slot(hash))?;
        for _ in 0..MAX_LOOKS {
            let place = next.checked_sub(1).filter(|&place| place >= oldest)?;
            if is_equal(place) {
                return Some(place);
            }
            next = self.before[place as usize & (self.before.len() - 1)];
        }
        None
    }

    pub(super) fn insert(&mut self, hash: u32, place: u32) {
        let (slot, n_places) = (self.slot(hash), self.before.len());
        let head = &mut self.heads[slot];
        self.before[place as usize & (n_places - 1)] = *head;
        *head = place.saturating_add(1);
    }

    fn slot(&self, hash: u32) -> usize {
        hash as usize & (self.heads.len() - 1)
    }
}
