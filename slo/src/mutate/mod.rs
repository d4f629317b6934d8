//! Rules changed on purpose. A change that no contract notices is a change that somebody could make by mistake and nobody
//! would learn of it before the night it matters.
//!
//! All rules are made by one generator, so those of an objective have the form of one of three: bad events counted, good
//! events counted, a gauge. Whole sets of changes are made to one objective of each form; what differs from objective to
//! objective, its selectors and numbers, is what the contracts for every objective are about.

mod expressions;
mod slice;
mod structure;
mod survivors;

pub use survivors::{Explained, explanations};

use std::collections::BTreeMap;

use crate::{
    contract::{Contract, each, score},
    engine::{Engine, EngineError},
    generate::{Speed, group},
    rules::Group,
    spec::Slo,
};

/// A change.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The objective.
    pub slo: String,
    /// The rule, as [`crate::rules::Rule::told`] says it.
    pub rule: String,
    /// Its place among the rules.
    index: usize,
    /// What was changed, in words.
    pub change: String,
    /// The rules with it.
    pub rules: Group,
}

impl Mutant {
    /// Objective, rule and change: what an explanation refers to.
    pub fn told(&self) -> String {
        format!("{}: {}: {}", self.slo, self.rule, self.change)
    }
}

/// What became of a change.
#[derive(Clone, Debug)]
pub enum Fate {
    /// This contract noticed it.
    Killed(String),
    /// The engine refuses the rules: nobody could have used them.
    Refused,
    /// No contract noticed it.
    Survived,
}

/// All changes to the rules of an objective, in the order of its rules.
pub fn mutants(slo: &Slo) -> Vec<Mutant> {
    let rules = group(slo, Speed::REAL);
    let mut all = Vec::new();
    for (index, rule) in rules.rules.iter().enumerate() {
        let mut add = |change: String, rules: Group| {
            all.push(Mutant { slo: slo.name.clone(), rule: rule.told(), index, change, rules });
        };
        for (change, expr) in expressions::changed(&rule.expr) {
            let mut changed = rules.clone();
            changed.rules[index].expr = expr;
            add(change, changed);
        }
        structure::changed(&rules, index, &mut add);
    }
    all
}

/// One objective of each form, that which has the most contracts.
pub fn examples<'s>(slos: &'s [Slo], contracts: &[Contract]) -> Vec<&'s Slo> {
    let mut best: BTreeMap<usize, (usize, &Slo)> = BTreeMap::new();
    for slo in slos {
        let form = match &slo.indicator {
            crate::spec::Indicator::Bad { .. } => 0,
            crate::spec::Indicator::Good { .. } => 1,
            crate::spec::Indicator::Threshold { .. } => 2,
        };
        let held = contracts.iter().filter(|contract| contract.slo.name == slo.name).count();
        if best.get(&form).is_none_or(|(most, _)| held > *most) {
            best.insert(form, (held, slo));
        }
    }
    best.into_values().map(|(_, slo)| slo).collect()
}

/// The fate of each change, in their order: its objective's contracts are asked one after the other, short ones first, until
/// one notices. `done` hears of each.
pub fn run(
    mutants: &[Mutant],
    contracts: &[Contract],
    engine: &dyn Engine,
    done: &(dyn Fn(&Mutant, &Fate) + Sync),
) -> Result<Vec<Fate>, EngineError> {
    let mut by_length: Vec<&Contract> = contracts.iter().filter(|contract| !contract.slow).collect();
    by_length.sort_by_key(|contract| contract.length());
    each(mutants.len(), &|index| {
        let mutant = &mutants[index];
        let fate = fate(mutant, &by_length, engine)?;
        done(mutant, &fate);
        Ok(fate)
    })
}

fn fate(mutant: &Mutant, contracts: &[&Contract], engine: &dyn Engine) -> Result<Fate, EngineError> {
    for contract in contracts.iter().filter(|contract| contract.slo.name == mutant.slo) {
        let Some((rules, contract)) = slice::sliced(&contract.rules(), mutant, contract) else { continue };
        match engine.run(&contract.case(rules)) {
            Ok(answer) if score(&contract, &answer).passed() => {}
            Ok(_) => return Ok(Fate::Killed(contract.name)),
            Err(EngineError::Refused { .. }) => return Ok(Fate::Refused),
            Err(error) => return Err(error),
        }
    }
    Ok(Fate::Survived)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        engine::{Answer, Case, Firing},
        files,
    };

    fn folder() -> (Vec<Slo>, Vec<Contract>) {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let slos = files::specs(Some(dir)).expect("good specs");
        let contracts = files::contracts(Some(dir), &slos).expect("good contracts");
        (slos, contracts)
    }

    #[test]
    fn every_kind_of_change_is_made_and_each_is_a_change() {
        let (slos, contracts) = folder();
        let examples = examples(&slos, &contracts);
        assert_eq!(examples.len(), 3);
        for slo in examples {
            let original = group(slo, Speed::REAL);
            let mutants = mutants(slo);
            assert!(mutants.len() > 150, "{}: {}", slo.name, mutants.len());
            let mut seen = std::collections::BTreeSet::new();
            for mutant in &mutants {
                assert_ne!(mutant.rules, original, "{}", mutant.told());
                assert!(seen.insert(mutant.told()), "{} is made twice", mutant.told());
            }
            for word in ["and -> or", "windows swapped", "for: 1h", "tier dropped", "factor", "label"] {
                assert!(mutants.iter().any(|m| m.change.contains(word)), "{}: {word}", slo.name);
            }
        }
    }

    /// Fires once the rules contain what they should not.
    struct Noticing(&'static str);
    impl Engine for Noticing {
        fn name(&self) -> &'static str {
            "noticing"
        }
        fn run(&self, case: &Case) -> Result<Answer, EngineError> {
            let text = crate::rules::write(&[], &case.groups);
            let firing = Firing { labels: BTreeMap::new(), first: 0, over: None, times: 1 };
            Ok(Answer {
                firings: text.contains(self.0).then_some(firing).into_iter().collect(),
                values: vec![],
            })
        }
    }

    #[test]
    fn a_change_is_killed_by_the_first_contract_that_notices() {
        let (slos, mut contracts) = folder();
        let slo = slos.iter().find(|slo| slo.name == "order-placement-availability").expect("the example");
        contracts.retain(|contract| contract.slo.name == slo.name && contract.expect.is_empty());
        contracts.iter_mut().for_each(|contract| contract.values.clear());
        let mutants: Vec<Mutant> = mutants(slo)
            .into_iter()
            .filter(|m| m.change.contains("for: 1h") || m.change.contains("and -> or"))
            .collect();
        let fates = run(&mutants, &contracts, &Noticing("for: 1h"), &|_, _| {}).expect("an engine");
        for (mutant, fate) in mutants.iter().zip(&fates) {
            let killed = matches!(fate, Fate::Killed(_));
            assert_eq!(killed, mutant.change.contains("for: 1h"), "{}", mutant.told());
        }
    }
}
