use proptest::prelude::*;

use super::*;
use crate::notation::tokens;
use crate::{Controls, InputLog, PitchClasses, ReturnRate, Sampling, VelocityOffset};

/// All that version 1 knew.
fn plain() -> Sampling {
    Sampling { themes: ReturnRate::NEVER, ..Sampling::default() }
}

/// One of each input.
fn lineage() -> Lineage {
    let mut recipe = Recipe::after(tokens("v20 +60 >50 -60 +64 >50 -64"), 482_913, plain());
    let made = tokens("v20 +60 >7 -60 >125 +62");
    let controls = Controls { density: Some(4.5), pitch_classes: Some([0.25; 12]), composer: Some(3) };
    for (at, input) in [
        (1, Input::Controls(controls)),
        (2, Input::Events(made[2..3].to_vec())),
        (4, Input::Sampling(Sampling { temperature: 0.9, top_p: 0.95, ..plain() })),
        (5, Input::Seed(u64::MAX)),
    ] {
        recipe.log.push(at, input).unwrap();
    }
    let origin = Origin { weights: [0xAB; 8], revision: 1 };
    Lineage { origin: Some(origin), recipe, made: Made::Tokens(made) }
}

/// What version 1 wrote for [`lineage`]. Never to be changed.
const VERSION_1: &str = "\
    0101abababababababab01e1bc1df807089079c4e4052426300600000100002040010000a03f0000803e0000803e0000\
    803e0000a03f0000803e0000803e0000803e0000803e0000803e0000803e0000803e0000010000803f0000803f010001\
    00009040010000803e0000803e0000803e0000803e0000803e0000803e0000803e0000803e0000803e0000803e000080\
    3e0000803e010301030102060102016666663f3333733f0102ffffffffffffffffff01000607907918e4c5d707abc22a\
    d5";

/// It is read for good.
#[test]
fn version_1_is_read() {
    assert_eq!(Lineage::from_bytes(&bytes(VERSION_1)).unwrap(), lineage());
}

/// [`lineage`], and from token 6 on other notes than those of C major are left out.
fn lineage_in_c() -> Lineage {
    let mut lineage = lineage();
    let only = "C,D,E,F,G,A,B".parse().unwrap();
    lineage.recipe.log.push(6, Input::Sampling(Sampling { only, ..plain() })).unwrap();
    lineage
}

/// What version 2 wrote for [`lineage_in_c`]. Never to be changed.
const VERSION_2: &str = "\
    0201abababababababab01e1bc1df807089079c4e4052426300700000100002040010000a03f0000803e0000803e0000\
    803e0000a03f0000803e0000803e0000803e0000803e0000803e0000803e0000803e0000010000803f0000803f010001\
    00009040010000803e0000803e0000803e0000803e0000803e0000803e0000803e0000803e0000803e0000803e000080\
    3e0000803e010301030102060102016666663f3333733f0102ffffffffffffffffff0101040000803f0000803fb51500\
    000607907918e4c5d7070afba55f";

/// It is read for good, and the same lineage is written the same as long as the version is 2.
#[test]
fn version_2_is_read() {
    let hex: String = lineage_in_c().to_bytes().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, VERSION_2);
    assert_eq!(Lineage::from_bytes(&bytes(VERSION_2)).unwrap(), lineage_in_c());
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_later_version_is_too_new() {
    let mut bytes = lineage().to_bytes().unwrap();
    let n = bytes.len() - 4;
    bytes[0] = VERSION + 1;
    let sum = checksum(bytes[..n].iter().copied());
    bytes[n..].copy_from_slice(&sum.to_le_bytes());
    let error = Lineage::from_bytes(&bytes).unwrap_err();
    assert_eq!(error, Error::NewerRecipe { found: VERSION + 1 });
    assert!(error.to_string().starts_with("its recipe is of version"), "{error}");
}

/// With a checksum that fits, so that only the checks are left.
#[track_caller]
fn refused(change: impl FnOnce(&mut Lineage)) {
    let mut lineage = lineage();
    change(&mut lineage);
    let mut bytes = vec![VERSION];
    bytes.extend(record::LineageRecord::of(&lineage).to_bytes());
    bytes.extend(checksum(bytes.iter().copied()).to_le_bytes());
    assert_eq!(Lineage::from_bytes(&bytes), Err(Error::DamagedRecipe));
}

#[test]
fn values_are_checked_as_if_they_had_been_typed() {
    let with = |input: Input| {
        move |lineage: &mut Lineage| {
            lineage.recipe.log.push(5, input).unwrap();
        }
    };
    refused(with(Input::Sampling(Sampling { temperature: 99.0, ..Sampling::default() })));
    refused(with(Input::Sampling(Sampling { temperature: f32::NAN, ..Sampling::default() })));
    refused(with(Input::Controls(Controls { density: Some(-1.0), ..Controls::default() })));
    refused(with(Input::Controls(Controls { pitch_classes: Some([0.0; 12]), ..Controls::default() })));
    // An event of the log that is none of the take's.
    refused(with(Input::Events(tokens("+99"))));
    refused(|lineage| lineage.made = Made::Tokens(tokens("+60").repeat(MAX_TOKENS + 1)));
}

fn token() -> impl Strategy<Value = Token> {
    (0..crate::N_TOKENS as u16).prop_map(|number| Token::new(number).unwrap())
}

fn input() -> impl Strategy<Value = Input> {
    let weights = prop::array::uniform12(0.01..9_f32);
    prop_oneof![
        (prop::option::of(0.0..64_f32), prop::option::of(weights), prop::option::of(0..99_usize)).prop_map(
            |(density, pitch_classes, composer)| Input::Controls(Controls {
                density,
                pitch_classes,
                composer
            })
        ),
        (0.05..5_f32, 0.01..=1_f32, 0..4096_u16, 0..=400_u16).prop_map(
            |(temperature, top_p, only, themes)| {
                let only = PitchClasses::from_bits(only).unwrap();
                let themes = ReturnRate::of_percent(themes).unwrap();
                Input::Sampling(Sampling { temperature, top_p, only, themes })
            }
        ),
        any::<u64>().prop_map(Input::Seed),
        any::<i8>().prop_map(|bins| Input::Dynamics(VelocityOffset::bins(bins))),
    ]
}

prop_compose! {
    fn any_lineage()(
        origin in prop::option::of((any::<[u8; 8]>(), any::<u32>())),
        (seed, offset) in any::<(u64, i8)>(),
        primer in prop::collection::vec(token(), 0..40),
        inputs in prop::collection::vec((0..9_usize, input()), 0..9),
        made in prop::collection::vec(token(), 0..40),
        is_sum in any::<bool>(),
    ) -> Lineage {
        let (mut log, mut at) = (InputLog::default(), 0);
        for (after, input) in inputs {
            at += after;
            log.push(at, input).unwrap();
        }
        let made = if is_sum { Made::Sum(TokenSum::of(&made)) } else { Made::Tokens(made) };
        let origin = origin.map(|(weights, revision)| Origin { weights, revision });
        Lineage { origin, recipe: Recipe { seed, primer, velocity_offset: VelocityOffset::bins(offset), log }, made }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(lineage in any_lineage()) {
        let bytes = lineage.to_bytes().unwrap();
        prop_assert_eq!(Lineage::from_bytes(&bytes).unwrap(), lineage);
    }

    /// One changed byte, or any missing or added ones, and the lineage is refused.
    #[test]
    fn damage_is_seen(lineage in any_lineage(), at in any::<prop::sample::Index>(), by in 1..=255_u8, more in 1..9_usize) {
        let bytes = lineage.to_bytes().unwrap();
        let at = at.index(bytes.len());
        let mut changed = bytes.clone();
        changed[at] ^= by;
        prop_assert!(Lineage::from_bytes(&changed).is_err());
        prop_assert!(Lineage::from_bytes(&bytes[..at]).is_err());
        prop_assert!(Lineage::from_bytes(&[bytes, vec![by; more]].concat()).is_err());
    }

    /// Noise with a sound checksum, for which only the format stands.
    #[test]
    fn noise_is_refused_or_sound(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = [vec![VERSION], noise].concat();
        bytes.extend(checksum(bytes.iter().copied()).to_le_bytes());
        if let Ok(lineage) = Lineage::from_bytes(&bytes) {
            prop_assert!(lineage.to_bytes().is_ok());
        }
    }

    #[test]
    fn seven_bits_hold_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
        let seven = packed::to_seven_bits(&bytes);
        prop_assert!(seven.iter().all(|&byte| byte < 0x80));
        prop_assert_eq!(packed::from_seven_bits(&seven), bytes);
    }
}

#[test]
fn megabytes_are_refused() {
    for byte in [0_u8, 1, 0x7F, 0x80, 0xFF] {
        let mut bytes = [vec![VERSION], vec![byte; 4 << 20]].concat();
        bytes.extend(checksum(bytes.iter().copied()).to_le_bytes());
        assert_eq!(Lineage::from_bytes(&bytes), Err(Error::DamagedRecipe), "{byte:#x}");
    }
}
