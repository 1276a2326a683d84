use performance::{
    Input, InputLog, Lineage, Made, Origin, Recipe, Sampling, Token, TokenSum, VelocityOffset,
};
use proptest::prelude::*;

use super::*;
use crate::{Action, Length, Moment, Notice, Parent, Received, Shape, Strength, Wish};

fn music(n: usize) -> Vec<Token> {
    let note = crate::notation::tokens("v20 +60 >125 -60");
    note.iter().copied().cycle().take(n).collect()
}

fn primer() -> Rc<Primer> {
    let dropped = vec!["ignored 3 note-offs without a note".to_owned()];
    Rc::new(Primer { summary: "pedal applied".into(), dropped, ..Primer::of("sonata.mid".into(), music(99)) })
}

fn take(id: TakeId, n_tokens: usize, primer: Option<Rc<Primer>>) -> Take {
    let tokens = primer.as_ref().map_or_else(Vec::new, |primer| primer.tokens.clone());
    let recipe = Recipe::after(tokens, id.into(), Sampling::default());
    let origin = Some(Origin { weights: [7; 8], revision: 1 });
    Take::of_lineage(id, Lineage { origin, recipe, made: Made::Tokens(music(n_tokens)) }, primer)
}

fn listed(id: TakeId, name: Option<&str>) -> Listed {
    Listed { id, name: name.map(str::to_owned), is_starred: name.is_some() }
}

/// Two takes after one primer, the second a branch of two and a half blocks, and one that a link promised.
fn saved() -> Saved {
    let primer = primer();
    let first = take(1, 40, Some(Rc::clone(&primer)));
    let mut branch = take(3, BLOCK_TOKENS * 5 / 2, Some(Rc::clone(&primer)));
    branch.parent = Some(Parent { take: 1, at: 20, at_us: 5_000_000 });
    (branch.length_us, branch.is_complete) = (Some(600_000_000), false);
    branch.log.push(20, Input::Seed(99)).unwrap();
    branch.log.push(30, Input::Dynamics(VelocityOffset::bins(-3))).unwrap();
    let recipe = Recipe::new(5, Sampling::default());
    let promised = Made::Sum(TokenSum::of(&music(10)));
    let promised = Take::of_lineage(4, Lineage { origin: None, recipe, made: promised }, None);
    let mut settings = Settings::new(482_913);
    settings.sampling.temperature = 0.9;
    (settings.is_seed_locked, settings.length, settings.volume) = (true, Length::Secs(600), 35);
    let mut strengths = [Strength::Off; 12];
    (strengths[0], strengths[7]) = (Strength::Strong, Strength::On);
    settings.shape = Shape {
        density: Wish::Asked(4.5),
        pitches: Wish::Asked(strengths),
        is_strict: true,
        dynamics: -4,
        composer: Some(2),
        ..Shape::default()
    };
    Saved {
        takes: vec![
            (listed(1, Some("Theme")), Rc::new(first)),
            (listed(3, None), Rc::new(branch)),
            (listed(4, None), Rc::new(promised)),
        ],
        current: Some(3),
        position_us: 12_345_678,
        mark: Some(Span { from_us: 1_000_000, to_us: 2_000_000 }),
        primer: Some(primer),
        settings,
    }
}

/// All values; takes compare by number and length only.
#[track_caller]
fn assert_same(a: &Saved, b: &Saved) {
    assert_eq!(a, b);
    for ((_, a), (_, b)) in a.takes.iter().zip(&b.takes) {
        assert_eq!(a.lineage(), b.lineage());
        assert_eq!((a.parent, a.length_us, a.awaited()), (b.parent, b.length_us, b.awaited()));
        assert_eq!(a.primer, b.primer);
    }
}

#[test]
fn a_session_is_read_as_it_was_written() {
    let opened = read_file(&write_file(&saved())).unwrap();
    assert_eq!(opened.n_damaged, 0);
    assert_same(&opened.saved, &saved());
    let [(_, first), (_, branch), _] = &opened.saved.takes[..] else { panic!("three takes") };
    assert!(Rc::ptr_eq(first.primer.as_ref().unwrap(), branch.primer.as_ref().unwrap()));
    let glance = Glance::of(&saved().to_parts()[HEAD]).unwrap();
    assert_eq!((glance.n_takes, glance.music_us), (2, 10_000_000 + 2_560_000_000));
}

#[test]
fn what_was_there_is_there_again_on_the_page() {
    let state = State::new(7).reduced(Action::Open(Rc::new(saved())), Moment::default());
    assert_same(&Saved::of(&state), &saved());
    assert!(!state.is_running(), "silent until Play");
    // Play goes on where it was.
    let state = state.reduced(Action::Resume, Moment::default());
    assert_eq!((state.transport.cue.from_us, state.transport.generating()), (12_345_678, Some(3)));
}

#[test]
fn what_is_here_stays_when_a_session_is_added() {
    let open = || Action::Open(Rc::new(saved()));
    let here = State::new(7).reduced(open(), Moment::default());
    let both = here.clone().reduced(open(), Moment::default());
    let now = Saved::of(&both);
    assert_same(&Saved { takes: now.takes[..3].to_vec(), ..now.clone() }, &saved());
    assert_eq!(now.takes.iter().map(|(listed, _)| listed.id).collect::<Vec<_>>(), [1, 3, 4, 5, 6, 7]);
    assert_eq!(now.takes[4].1.parent, Some(Parent { take: 5, at: 20, at_us: 5_000_000 }));
    assert_eq!(now.takes[3].0.name.as_deref(), Some("Theme"));
    // One step of undo.
    let undone = both.reduced(Action::Undo, Moment::default());
    assert_same(&Saved::of(&undone), &saved());
}

#[test]
fn a_take_that_is_received_is_branched_like_any_other() {
    let lineage = take(9, 400, Some(primer())).lineage();
    let received = Received { lineage, name: Some("from a file".into()), primer_name: "its primer".into() };
    let state = State::new(7).reduced(Action::Receive(received), Moment::default());
    let here = state.takes.current().unwrap();
    assert_eq!((here.tokens().len(), here.primer.as_ref().unwrap().tokens.len()), (400, 99));
    assert!(!state.is_running());
    let state = state.reduced(Action::Branch { at_us: 3_000_000, drawn_seed: 5 }, Moment::default());
    let branch = state.takes.current().unwrap();
    assert_eq!(branch.parent.map(|parent| parent.take), Some(1));
    assert_eq!(branch.recipe().primer.len(), 99);
}

/// Only what has changed is written, and what is written is the session.
#[test]
fn a_writer_writes_what_is_new() {
    let names =
        |changes: &Changes| changes.puts.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join(" ");
    let mut writer = Writer::default();
    let mut now = saved();
    let all = writer.changes(&now);
    assert_eq!(names(&all), format!("take-1-0 take-3-0 take-3-1 take-3-2 {} head", primer_part()));
    assert!(writer.changes(&now).is_empty());
    assert_eq!(Writer::after_reading(&now), writer);

    let grow = |now: &mut Saved, n| Rc::make_mut(&mut now.takes[1].1).extend(&music(n));
    grow(&mut now, 10);
    assert_eq!(names(&writer.changes(&now)), "take-3-2 head");
    grow(&mut now, BLOCK_TOKENS);
    assert_eq!(names(&writer.changes(&now)), "take-3-2 take-3-3 head");
    Rc::make_mut(&mut now.takes[1].1).splice(BLOCK_TOKENS + 5);
    let cut = writer.changes(&now);
    assert_eq!((names(&cut), cut.deletes.join(" ")), ("take-3-1 head".into(), "take-3-2 take-3-3".into()));
    now.position_us += 1;
    assert_eq!(names(&writer.changes(&now)), "head");
    now.takes.remove(1);
    now.takes.remove(0);
    (now.primer, now.current) = (None, None);
    let removed = writer.changes(&now);
    assert_eq!(removed.deletes.join(" "), format!("take-1-0 take-3-0 take-3-1 {}", primer_part()));
    assert_eq!(names(&removed), "head");
}

fn primer_part() -> String {
    parts::primer_name(TokenSum::of(&primer().tokens))
}

#[test]
fn what_is_missing_does_not_take_the_rest_with_it() {
    let mut parts = saved().to_parts();
    parts.remove("take-3-1");
    let opened = Saved::from_parts(&parts).unwrap();
    let branch = &opened.saved.takes[1].1;
    assert_eq!((opened.n_damaged, branch.tokens().len(), branch.is_complete), (1, BLOCK_TOKENS, true));

    let mut parts = saved().to_parts();
    parts.remove(&primer_part());
    let opened = Saved::from_parts(&parts).unwrap();
    assert_eq!((opened.n_damaged, opened.saved.takes.len()), (2, 3));
    assert_eq!(opened.saved.takes[1].1.tokens().len(), BLOCK_TOKENS * 5 / 2);

    let mut parts = saved().to_parts();
    parts.remove(HEAD);
    assert_eq!(Saved::from_parts(&parts), Err(SavedError::Damaged));
}

#[test]
fn other_files_are_refused_with_a_sentence() {
    let refusal = |bytes: &[u8]| read_file(bytes).unwrap_err().to_string();
    assert_eq!(refusal(b"MThd"), "it is not a session of this page");
    assert_eq!(refusal(b""), "it is not a session of this page");
    assert_eq!(refusal(b"PRNN"), "it is damaged");
    assert_eq!(refusal(b"PRNN\x02anything"), "it was saved by a newer version of this page");
    let mut large = b"PRNN\x01".to_vec();
    large.resize(MAX_FILE_BYTES + 1, 0);
    assert_eq!(refusal(&large), "it is larger than 50 MB");
    large.truncate(4 << 20);
    assert_eq!(refusal(&large), "it is damaged");
    // A head of a later version.
    let mut parts = saved().to_parts();
    parts.insert(HEAD.into(), performance::lineage::seal(record::VERSION + 1, b"later"));
    assert_eq!(Saved::from_parts(&parts), Err(SavedError::TooNew));
}

#[test]
fn values_are_bounded() {
    let mut settings = Settings::new(0);
    for fact in [
        record::SessionFact::Sampling { temperature: 99.0, top_p: 1.0 },
        record::SessionFact::Density(f32::NAN),
        record::SessionFact::Dynamics(127),
        record::SessionFact::Volume(255),
        record::SessionFact::Seed(u64::MAX),
        record::SessionFact::LengthSecs(7),
        record::SessionFact::Themes(u16::MAX),
    ] {
        fact.apply(&mut settings);
    }
    assert_eq!((settings.sampling, settings.length), (Sampling::default(), Length::Endless));
    assert_eq!((settings.shape.density, settings.shape.dynamics), (Wish::AsPrimer, crate::MAX_DYNAMICS));
    assert_eq!((settings.volume, settings.seed), (100, crate::MAX_SEED));
}

#[test]
fn how_often_themes_come_back_is_kept() {
    let mut settings = Settings::new(5);
    settings.shape.themes = performance::ReturnRate::NEVER;
    let mut read = Settings::new(5);
    record::SessionFact::of_settings(&settings).iter().for_each(|fact| fact.apply(&mut read));
    assert_eq!(read, settings);
}

/// What version 1 wrote is read for good: never to be changed.
const VERSION_1: &str = "\
    50524e4e01046865616417010000010e046666663f0000803f05e1bc1d08230efc0607d8040a000090400c0200000000\
    000001000000000d0f0201c0843d000102c0843d80897a03000163bdcca9f90b0a736f6e6174612e6d69640d70656461\
    6c206170706c696564012269676e6f7265642033206e6f74652d6f66667320776974686f75742061206e6f746502015a\
    010107070707070707070101f50000020000010000803f010000ca410000803e0000803e0000803e0000803e0000803e\
    0000803e0000803e0000803e0000803e0000803e0000803e0000010000803f0000803f010000d683c72a28050580ade2\
    0401055468656d650203060004180100050000000100010000803f0000803f010000e6763fbc00020500070ae6ebaccf\
    0332f05954127072696d65722d62663261363633642d3939770000000163709079f0e50599075f5e9079f0e50599075f\
    5e9079f0e50599075f5e9079f0e50599075f5e9079f0e50599075f5e9079f0e50599075f5e9079f0e50599075f5e9079\
    f0e50599075f5e9079f0e50599075f5e9079f0e50599075f5e9079f0e50599075f5e9079f0e50599075f5e9079f0057b\
    cc165f0874616b652d312d303400000001282d9079f0e50599075f5e9079f0e50599075f5e9079f0e50599075f5e9079\
    f0e50599075f5e9079f0e50599075f5e2f84a792";

#[test]
fn version_1_is_read() {
    let mut small = saved();
    small.takes.remove(1);
    small.current = Some(1);
    small.position_us = 1_000_000;
    let bytes: Vec<u8> = (0..VERSION_1.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&VERSION_1[at..at + 2], 16).unwrap())
        .collect();
    assert_same(&read_file(&bytes).unwrap().saved, &small);
}

proptest! {
    /// However a file is damaged, reading it gives a sentence, or the takes that are sound.
    #[test]
    fn damage_is_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = write_file(&saved());
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        match read_file(&bytes) {
            Err(error) => prop_assert!(error.to_string().starts_with("it ")),
            Ok(opened) => {
                for (_, take) in &opened.saved.takes {
                    let whole = saved().takes.iter().find(|(_, other)| other.id == take.id).unwrap().1.clone();
                    prop_assert!(whole.tokens().starts_with(take.tokens()));
                }
                // It replaces nothing on the page.
                let here = State::new(7).reduced(Action::Open(Rc::new(saved())), Moment::default());
                let after = here.reduced(Action::Open(Rc::new(opened.saved)), Moment::default());
                prop_assert_eq!(&Saved::of(&after).takes[..3], &saved().takes[..]);
            }
        }
    }

    /// Contents with sound checksums, for which only the format stands.
    #[test]
    fn noise_is_survived(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut parts = saved().to_parts();
        parts.insert(HEAD.into(), performance::lineage::seal(1, &noise));
        if let Ok(opened) = Saved::from_parts(&parts) {
            let state = State::new(7).reduced(Action::Open(Rc::new(opened.saved)), Moment::default());
            prop_assert!(!state.is_running());
        }
    }

    /// Whatever happens to a session between writings, the parts that were written are the session.
    #[test]
    fn what_was_written_is_the_session(steps in prop::collection::vec((0..3_u8, 0..3 * BLOCK_TOKENS), 1..12)) {
        let mut writer = Writer::default();
        let mut kept = Parts::new();
        let mut now = Saved { takes: vec![(listed(1, None), Rc::new(take(1, 5, None)))], current: Some(1), ..saved() };
        for (step, n) in steps {
            let take = Rc::make_mut(&mut now.takes[0].1);
            match step {
                0 | 1 => {
                    take.extend(&music(n));
                }
                _ => take.splice(n.min(take.tokens().len())),
            }
            let changes = writer.changes(&now);
            kept.extend(changes.puts);
            changes.deletes.iter().for_each(|name| {
                kept.remove(name);
            });
            let read = Saved::from_parts(&kept).unwrap();
            prop_assert_eq!(read.n_damaged, 0);
            prop_assert_eq!(read.saved.takes[0].1.tokens(), now.takes[0].1.tokens());
            prop_assert_eq!(&kept, &now.to_parts());
        }
    }
}

#[test]
fn a_link_is_composed_again_and_compared() {
    use crate::protocol::{Engine, Model, Placement, Reply};
    let origin = Origin { weights: [1; 8], revision: 1 };
    let ready = |weights: u8, revision| {
        let origin = Some(Origin { weights: [weights; 8], revision });
        let model = Model { origin, ..Model::default() };
        let placement = Placement::cpu(Notice::NoWebGpu);
        Action::Replied(Reply::Ready { engine: Engine { placement, events_per_second: 400.0, model } })
    };
    let promised = music(10);
    let lineage = || Lineage {
        origin: Some(origin),
        recipe: Recipe { log: InputLog::default(), ..Recipe::new(5, Sampling::default()) },
        made: Made::Sum(TokenSum::of(&promised)),
    };
    let received =
        || Action::Receive(Received { lineage: lineage(), name: None, primer_name: String::new() });
    let events = |at, tokens: Vec<Token>, state: &State| {
        let epoch = state.transport.steering.epoch();
        Action::Replied(Reply::Events { take: 1, epoch, at, tokens, busy_ms: 1.0 })
    };
    let then = |state: State, action| state.reduced(action, Moment::default());

    let state = then(then(State::new(7), ready(1, 1)), received());
    assert!(!state.is_running() && state.notices.as_slice().is_empty());
    let state = then(state, Action::Resume);
    let action = events(0, music(6), &state);
    let state = then(state, action);
    // Stop does not forget what was promised, and neither does another performance.
    let state = then(then(state, Action::Stop), Action::Resume);
    let state = then(then(state, Action::Generate { drawn_seed: 1 }), Action::Replay(1));
    assert!(!state.takes.current().unwrap().is_complete && state.transport.generating() == Some(1));
    // The worker does not know where it ends.
    let action = events(6, music(14)[6..].to_vec(), &state);
    let state = then(state, action);
    let take = state.takes.current().unwrap();
    assert_eq!((take.tokens(), take.is_complete, take.origin), (&promised[..], true, Some(origin)));
    assert!(state.notices.as_slice().is_empty());

    let other = then(then(then(State::new(7), ready(1, 1)), received()), Action::Resume);
    let action = events(0, crate::notation::tokens("+61").repeat(10), &other);
    assert_eq!(then(other, action).notices.as_slice(), [Notice::LinkDiffers]);
    // Told before the first note, whichever comes first.
    for (engine, notice) in [(ready(1, 2), Notice::LinkDiffers), (ready(2, 1), Notice::LinkOtherModel)] {
        let told = [
            then(then(State::new(7), engine.clone()), received()),
            then(then(State::new(7), received()), engine),
        ];
        for state in told {
            assert_eq!(state.notices.as_slice(), std::slice::from_ref(&notice));
        }
    }
}
