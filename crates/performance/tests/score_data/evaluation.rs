//! How the renderers agree with people on the validation pairs, as `performance-rnn score-report` says it at length.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use performance::midi;
use performance::score::{
    Agreement, Beat, Evaluation, Expression, Measured, Ridge, Rules, Score, align, measure,
};

use crate::data;

struct Piece {
    score: Score,
    evaluation: Evaluation,
}

fn pieces(folder: &Path) -> Vec<Piece> {
    let mut people: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in data::files(folder, "performance/validation") {
        let name = data::stem(&file);
        people.entry(name.rsplit_once("__").unwrap().0.to_owned()).or_default().push(name);
    }
    let piece = |(score_name, names): (String, Vec<String>)| {
        let score = Score::read(&fs::read(folder.join(format!("score/{score_name}.mid"))).unwrap()).unwrap();
        let in_score = data::beat_secs(&folder.join(format!("annotations/score/{score_name}.txt")));
        let quarters: Vec<f64> = in_score.iter().map(|secs| score.tempo().quarters(*secs)).collect();
        let person = |name: &String| -> Option<Measured> {
            let in_performance = data::beat_secs(&folder.join(format!("annotations/performance/{name}.txt")));
            let file = folder.join(format!("performance/validation/{name}.mid"));
            let performance = midi::read(&fs::read(file).unwrap()).unwrap().performance;
            let beats =
                quarters.iter().zip(&in_performance).map(|(&quarters, &secs)| Beat { quarters, secs });
            let matching = align(&score, &performance, &beats.collect::<Vec<_>>());
            (in_score.len() == in_performance.len()).then(|| measure(&score, &performance, &matching))?
        };
        let people: Vec<Measured> = names.iter().filter_map(person).collect();
        let evaluation = Evaluation::new(&score, &people, &quarters);
        Piece { score, evaluation }
    };
    people.into_iter().map(piece).filter(|piece| !piece.evaluation.people().is_empty()).collect()
}

#[test]
fn renderers_agree_with_people_as_designed() {
    let Some(folder) = data::folder() else { return };
    let pieces = pieces(&folder);
    let mean = |render: &dyn Fn(&Score) -> Expression| {
        let agreements = pieces.iter().map(|Piece { score, evaluation }| {
            evaluation.with_people(&evaluation.interpretation(score, &render(score)))
        });
        Agreement::mean(&agreements.collect::<Vec<_>>())
    };
    let ridge = Ridge::released().unwrap();
    let among: Vec<Agreement> = pieces.iter().filter_map(|piece| piece.evaluation.among_people()).collect();
    let people = Agreement::mean(&among);
    let [flat, rules, ridge] = [
        mean(&|score| Expression::flat(score)),
        mean(&|score| Rules::default().render(score)),
        mean(&|score| ridge.render(score)),
    ];
    println!(
        "people {:.3?}\nrules {:.3?}\nridge {:.3?}",
        people.correlation, rules.correlation, ridge.correlation
    );
    assert!(flat.correlation.iter().all(|r| r.abs() < 1e-9), "{flat:?}");
    for part in 0..4 {
        assert!(people.correlation[part] > ridge.correlation[part], "part {part}");
        assert!(ridge.correlation[part] > rules.correlation[part], "part {part}");
    }
    // The design's table, for test pairs, within what thirty scores can say.
    let designed = [("people", people, [0.65, 0.56, 0.68, 0.62]), ("ridge", ridge, [0.56, 0.37, 0.38, 0.43])];
    for (name, found, designed) in designed {
        for (r, designed) in found.correlation.iter().zip(designed) {
            assert!((r - designed).abs() < 0.1, "{name}: {r:.3} instead of {designed}");
        }
    }
}
