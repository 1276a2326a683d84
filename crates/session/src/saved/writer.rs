//! What has to be written, so that a session is kept.

use std::collections::{BTreeMap, BTreeSet};

use performance::TokenSum;

use super::parts::{block_name, head, primer_name, score_name, score_part, tokens_part};
use super::{BLOCK_TOKENS, HEAD, Saved};
use crate::Take;
use crate::protocol::TakeId;

/// Parts to write and to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Names and contents. The head comes last.
    pub puts: Vec<(String, Vec<u8>)>,
    /// Names.
    pub deletes: Vec<String>,
}

impl Changes {
    /// Whether everything is written already.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }
}

/// Knows what was written. Parts that did not change are not written again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer {
    head: Vec<u8>,
    takes: BTreeMap<TakeId, Stamp>,
    primers: BTreeSet<String>,
    scores: BTreeSet<String>,
}

/// How much of a take was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    n_splices: usize,
    n_tokens: usize,
}

impl Writer {
    /// The writer of a session that was read: the parts are there.
    #[must_use]
    pub fn after_reading(saved: &Saved) -> Self {
        let mut writer = Self::default();
        writer.changes(saved);
        writer
    }

    /// What to write now. It counts as written; if that fails, begin with another writer.
    pub fn changes(&mut self, saved: &Saved) -> Changes {
        let mut changes = Changes::default();
        let kept: BTreeSet<TakeId> = saved.takes.iter().map(|(listed, _)| listed.id).collect();
        for (_, take) in &saved.takes {
            self.write_blocks(take, &mut changes);
        }
        let gone = self.takes.extract_if(.., |id, _| !kept.contains(id));
        for (id, stamp) in gone {
            let blocks = 0..stamp.n_tokens.div_ceil(BLOCK_TOKENS);
            changes.deletes.extend(blocks.map(|block| block_name(id, block)));
        }
        let (head, primers) = head(saved);
        let mut needed = BTreeSet::new();
        for primer in primers {
            let name = primer_name(TokenSum::of(&primer.tokens));
            if needed.insert(name.clone()) && !self.primers.contains(&name) {
                changes.puts.push((name, tokens_part(&primer.tokens)));
            }
        }
        changes.deletes.extend(self.primers.difference(&needed).cloned());
        self.primers = needed;
        let mut needed = BTreeSet::new();
        for piece in saved.takes.iter().filter_map(|(_, take)| Some(&take.performed.as_ref()?.piece)) {
            let name = score_name(piece.hash);
            if needed.insert(name.clone()) && !self.scores.contains(&name) {
                changes.puts.push((name, score_part(piece)));
            }
        }
        changes.deletes.extend(self.scores.difference(&needed).cloned());
        self.scores = needed;
        if head != self.head {
            changes.puts.push((HEAD.to_owned(), head.clone()));
            self.head = head;
        }
        changes
    }

    fn write_blocks(&mut self, take: &Take, changes: &mut Changes) {
        // They follow from the score.
        if take.performed.is_some() {
            return;
        }
        let before = self.takes.get(&take.id).copied().unwrap_or_default();
        let (n_splices, n_kept) = take.kept_since(before.n_splices);
        let n_tokens = take.tokens().len();
        let n_same = n_kept.min(before.n_tokens).min(n_tokens);
        self.takes.insert(take.id, Stamp { n_splices, n_tokens });
        // Also where tokens are gone: the last block has become shorter.
        if n_same < n_tokens.max(before.n_tokens) {
            let first = n_same / BLOCK_TOKENS;
            let blocks = take.tokens().chunks(BLOCK_TOKENS).enumerate().skip(first);
            changes
                .puts
                .extend(blocks.map(|(block, tokens)| (block_name(take.id, block), tokens_part(tokens))));
        }
        let blocks_gone = n_tokens.div_ceil(BLOCK_TOKENS)..before.n_tokens.div_ceil(BLOCK_TOKENS);
        changes.deletes.extend(blocks_gone.map(|block| block_name(take.id, block)));
    }
}
