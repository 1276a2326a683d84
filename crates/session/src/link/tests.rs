use performance::{Input, Origin, Recipe, Sampling, Shift, Token, TokenSum};
use proptest::prelude::*;

use super::*;
use crate::Take;

const PAGE: &str = "https://example.org/performance-rnn/";

/// A note of a second, again and again.
fn music(secs: usize) -> Vec<Token> {
    let note = crate::notation::tokens("v20 +60 >125 -60");
    note.iter().copied().cycle().take(4 * secs).collect()
}

fn take(primer_secs: usize) -> Take {
    let recipe = Recipe::after(music(primer_secs), 482_913, Sampling::default());
    let origin = Origin { weights: [0xAB; 8], revision: 1 };
    let lineage = Lineage { origin: Some(origin), recipe, made: Made::Tokens(music(40)) };
    let primer = lineage.recipe.primer.clone();
    let primer = (primer_secs > 0).then(|| crate::Primer::of("secret name.mid".into(), primer).into());
    Take::of_lineage(1, lineage, primer)
}

fn fragment(link: &str) -> &str {
    link.split_once('#').unwrap().1
}

#[track_caller]
fn refusal(fragment: &str) -> Notice {
    read(fragment).unwrap().unwrap_err()
}

#[test]
fn a_link_brings_the_recipe_and_what_to_expect() {
    for secs in [0, 5, 30] {
        let take = take(secs);
        let link = write(&take, PAGE).unwrap();
        assert!(link.starts_with(&format!("{PAGE}#1.")) && link.len() < MAX_CHARS, "{link}");
        let Linked::Take(found) = read(fragment(&link)).unwrap().unwrap() else { panic!("a take") };
        assert_eq!((found.origin, &found.recipe), (take.origin, &take.recipe()));
        assert_eq!(found.made, Made::Sum(take.sum()));
    }
}

#[test]
fn a_link_names_no_file() {
    let link = write(&take(5), PAGE).unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(fragment(&link).trim_start_matches("1.")).unwrap();
    assert!(!bytes.windows(6).any(|word| word == b"secret"));
}

#[test]
fn what_does_not_fit_is_told() {
    assert_eq!(write(&take(31), PAGE), Err(Notice::LinkTooLong));
    let mut changed = take(0);
    for at in 0..400 {
        let sampling = Sampling { temperature: 0.9, ..Sampling::default() };
        changed.log.push(at, Input::Sampling(sampling)).unwrap();
    }
    assert_eq!(write(&changed, PAGE), Err(Notice::LinkTooLong));
    assert!(write(&take(30), PAGE).is_ok());
    assert_eq!(write(&take(30), &format!("https://{}/", "x".repeat(1_990))), Err(Notice::LinkTooLong));
}

/// A primer that is longer than the network reads is as good as what it reads of it.
#[test]
fn a_long_and_quick_primer_is_passed_on_as_far_as_it_is_read() {
    let quick = crate::notation::tokens("v20 +60 >1 -60 >1 +64 >1 -64 >1").repeat(300);
    let recipe = Recipe::after(quick.clone(), 7, Sampling::default());
    let primer = crate::Primer::of(String::new(), quick.clone());
    let lineage = Lineage { recipe, made: Made::Tokens(music(4)), origin: None };
    let take = Take::of_lineage(1, lineage, Some(primer.into()));
    let link = write(&take, PAGE).unwrap();
    let Linked::Take(Lineage { recipe: found, .. }) = read(fragment(&link)).unwrap().unwrap() else {
        panic!("a take")
    };
    assert!(found.primer.len() < quick.len());
    assert_eq!(primer::context(&found.primer), primer::context(&quick));
    assert_eq!((found.velocity_offset, found.log), (take.recipe().velocity_offset, take.recipe().log));
}

#[test]
fn other_fragments_are_no_links_and_later_ones_are_too_new() {
    for other in ["", "#", "#about", "#a.b", "#.", "#seed=7.5"] {
        assert!(read(other).is_none(), "{other}");
    }
    assert_eq!(refusal("#3.whatever"), Notice::LinkTooNew);
    for damaged in ["#0.AAAA", "#2.whatever"] {
        assert_eq!(refusal(damaged), Notice::LinkDamaged);
    }
    let too_new = performance::lineage::seal(performance::lineage::VERSION + 1, b"from the future");
    assert_eq!(refusal(&format!("1.{}", URL_SAFE_NO_PAD.encode(too_new))), Notice::LinkTooNew);
}

/// Made as a link would be, and not by this page.
#[test]
fn what_a_link_asks_for_is_bounded() {
    let ask = |change: &dyn Fn(&mut Lineage)| {
        let mut lineage = Lineage { made: Made::Sum(TokenSum::of(&music(4))), ..take(0).lineage() };
        change(&mut lineage);
        let content = URL_SAFE_NO_PAD.encode(lineage.to_bytes().unwrap());
        read(&format!("1.{content}")).unwrap().map(|_| ())
    };
    assert_eq!(ask(&|_| ()), Ok(()));
    let second = Token::from(performance::Event::TimeShift(Shift::MAX));
    assert_eq!(ask(&|lineage| lineage.recipe.primer = vec![second; 31]), Err(Notice::LinkDamaged));
    assert_eq!(ask(&|lineage| lineage.made = Made::Tokens(music(4))), Err(Notice::LinkDamaged));
    for n_tokens in [0, 2 << 20, u32::MAX] {
        let sum = TokenSum { n_tokens, checksum: 0 };
        assert_eq!(ask(&|lineage| lineage.made = Made::Sum(sum)), Err(Notice::LinkDamaged), "{n_tokens}");
    }
}

#[test]
fn a_megabyte_is_refused() {
    for letter in ["A", "1", ".", "#", "é", "\u{0}"] {
        let text = format!("#1.{}", letter.repeat(1 << 20));
        assert_eq!(refusal(&text), Notice::LinkDamaged);
    }
}

proptest! {
    #[test]
    fn a_changed_link_is_refused(at in any::<prop::sample::Index>(), with in "\\PC", is_cut in any::<bool>()) {
        let link = write(&take(5), PAGE).unwrap();
        let sound = fragment(&link);
        let at = 2 + at.index(sound.len() - 2);
        let changed = if is_cut {
            sound[..at].to_owned()
        } else {
            format!("{}{with}{}", &sound[..at], &sound[at + 1..])
        };
        if changed != sound {
            prop_assert_eq!(refusal(&changed), Notice::LinkDamaged);
        }
    }

    #[test]
    fn any_text_is_a_link_or_a_sentence(text in "#?[0-9]{0,3}\\.?[A-Za-z0-9_-]{0,300}\\PC{0,9}") {
        if let Some(Err(notice)) = read(&text) {
            prop_assert!(notice.to_string().ends_with('.'));
        }
    }
}
