//! What a registry must not say. Every refusal names the key and what to do.

use super::{Purchase, Registry, SCOPES, SharingMethod};
use crate::base::{Error, Result, money};
use regex::Regex;
use std::collections::BTreeMap;

impl Registry {
    pub fn validate(&self) -> Result<()> {
        self.aliases()?;
        self.providers_and_models()?;
        self.nodes()?;
        self.rules()?;
        self.budgets_and_energy()
    }

    fn aliases(&self) -> Result<()> {
        for kind in ["teams", "keys"] {
            let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
            for (id, use_case) in &self.use_cases {
                if id.trim().is_empty() {
                    return Err(Error::config("use_cases: a use case has an empty name"));
                }
                let names = if kind == "teams" {
                    &use_case.aliases.teams
                } else {
                    &use_case.aliases.keys
                };
                for name in names {
                    if let Some(other) = owners.insert(name, id).filter(|other| other != id) {
                        return Err(Error::config(format!(
                            "use_cases.{other}.aliases.{kind} and use_cases.{id}.aliases.{kind} both have '{name}'"
                        ))
                        .advise("an alias belongs to one use case; tag the requests with use_case:<id> instead"));
                    }
                }
            }
        }
        Ok(())
    }

    fn providers_and_models(&self) -> Result<()> {
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        for (id, provider) in &self.providers {
            for name in provider.logged_names(id) {
                if let Some(other) = names.insert(name, id).filter(|other| other != id) {
                    return Err(Error::config(format!(
                        "providers.{other} and providers.{id} are both logged as '{name}'"
                    ))
                    .advise("give each provider its own gateway_names"));
                }
            }
            regex(
                &format!("providers.{id}.api_base_match"),
                provider.api_base_match.as_deref(),
            )?;
        }
        for (id, model) in &self.models {
            if !self.providers.contains_key(&model.provider) {
                return Err(Error::config(format!(
                    "models.\"{id}\".provider: there is no provider '{}'",
                    model.provider
                ))
                .advise(format!(
                    "add a section [providers.{}], or name one of: {}",
                    model.provider,
                    list(self.providers.keys())
                )));
            }
            regex(
                &format!("models.\"{id}\".charge_match"),
                model.charge_match.as_deref(),
            )?;
            regex(&format!("models.\"{id}\".log_match"), model.log_match.as_deref())?;
        }
        Ok(())
    }

    fn nodes(&self) -> Result<()> {
        let mut resources: BTreeMap<&str, usize> = BTreeMap::new();
        let mut hosts: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, node) in self.gpu_nodes.iter().enumerate() {
            let key = format!("gpu_nodes[{at}]");
            if let Some(other) = resources.insert(&node.resource_id, at) {
                return Err(Error::config(format!(
                    "gpu_nodes[{other}] and {key} both have resource_id '{}'",
                    node.resource_id
                ))
                .advise("a charge pays for one node"));
            }
            if let Some(other) = hosts.insert(&node.host, at) {
                return Err(Error::config(format!(
                    "gpu_nodes[{other}] and {key} both have host '{}'",
                    node.host
                ))
                .advise("a host belongs to one node"));
            }
            if node.gpus == 0 {
                return Err(
                    Error::config(format!("{key}.gpus is 0")).advise("write how many GPUs the node has")
                );
            }
            if let Some(model) = node.model.as_deref().filter(|m| !self.models.contains_key(*m)) {
                return Err(Error::config(format!("{key}.model: there is no model '{model}'"))
                    .advise(format!("add a section [models.\"{model}\"], or leave model out")));
            }
        }
        for (at, slo) in self.gpu_slo.iter().enumerate() {
            if !(0.0..=1.0).contains(&slo.min_utilization) {
                return Err(Error::config(format!(
                    "gpu_slo[{at}].min_utilization is {}",
                    slo.min_utilization
                ))
                .advise("write it as a share between 0 and 1"));
            }
            if slo.window_days == 0 {
                return Err(Error::config(format!("gpu_slo[{at}].window_days is 0")));
            }
            if slo.may_buy.is_empty() || slo.may_buy.contains(&Purchase::Owned) {
                return Err(Error::config(format!(
                    "gpu_slo[{at}].may_buy names {}",
                    if slo.may_buy.is_empty() {
                        "nothing"
                    } else {
                        "owned"
                    }
                ))
                .advise("write some of on_demand, reserved and spot, or leave it out for all three"));
            }
        }
        Ok(())
    }

    fn rules(&self) -> Result<()> {
        for (at, rule) in self.scopes.iter().enumerate() {
            scope(&format!("scopes[{at}].scope"), &rule.scope)?;
        }
        for (at, rule) in self.sharing.iter().enumerate() {
            let key = format!("sharing[{at}]");
            let fixed = rule.method == SharingMethod::Fixed;
            if fixed == rule.shares.is_empty() {
                return Err(Error::config(format!(
                    "{key}: shares are {} method fixed",
                    if fixed { "missing for" } else { "only for" }
                ))
                .advise(
                    "write shares = { use-case = \"0.7\", … } with method = \"fixed\", and with no other",
                ));
            }
            let mut sum = 0_i128;
            for (id, share) in &rule.shares {
                self.known_use_case(&format!("{key}.shares"), id)?;
                if share.0 < 0 {
                    return Err(Error::config(format!("{key}.shares.{id} is negative")));
                }
                sum = sum.saturating_add(share.0);
            }
            if sum > money::ONE {
                return Err(
                    Error::config(format!("{key}.shares add up to {}", money::format_short(sum)))
                        .advise("shares may add up to 1 at most; what is left stays unallocated"),
                );
            }
        }
        Ok(())
    }

    fn budgets_and_energy(&self) -> Result<()> {
        for (at, budget) in self.budgets.iter().enumerate() {
            let key = format!("budgets[{at}]");
            if let Some(name) = &budget.scope {
                scope(&format!("{key}.scope"), name)?;
            }
            if let Some(id) = &budget.use_case {
                self.known_use_case(&format!("{key}.use_case"), id)?;
            }
            if self.budgets[..at].iter().any(|other| other.name == budget.name) {
                return Err(Error::config(format!(
                    "{key}: there are two budgets '{}'",
                    budget.name
                )));
            }
        }
        for (key, factor) in [("host_factor", self.energy.host_factor), ("pue", self.energy.pue)] {
            if !(1.0..100.0).contains(&factor) {
                return Err(Error::config(format!("energy.{key} is {factor}"))
                    .advise("it is a whole over a part, so 1 or a little more"));
            }
        }
        Ok(())
    }

    fn known_use_case(&self, key: &str, id: &str) -> Result<()> {
        if self.use_cases.contains_key(id) {
            return Ok(());
        }
        Err(Error::config(format!("{key}: there is no use case '{id}'"))
            .advise(format!("the registry has: {}", list(self.use_cases.keys()))))
    }
}

fn scope(key: &str, name: &str) -> Result<()> {
    if SCOPES.contains(&name) {
        return Ok(());
    }
    Err(Error::config(format!("{key}: '{name}' is no scope"))
        .advise(format!("use one of: {}", SCOPES.join(", "))))
}

fn regex(key: &str, pattern: Option<&str>) -> Result<()> {
    match pattern.map(Regex::new) {
        Some(Err(why)) => Err(Error::config(format!("{key} is not a regular expression: {why}"))
            .advise("in TOML a regular expression is best written in single quotes")),
        _ => Ok(()),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() {
        "nothing yet".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(text: &str) -> String {
        let error = Registry::parse(text).unwrap_err();
        format!("{error} ({})", error.advice().unwrap_or(""))
    }

    #[test]
    fn impossible_registries_are_refused_with_advice() {
        for (text, said) in [
            (
                "[use_cases.a]\naliases = { teams = ['x'] }\n[use_cases.b]\naliases = { teams = ['x'] }",
                "both have 'x'",
            ),
            ("[models.m]\nprovider = 'nobody'", "no provider 'nobody'"),
            (
                "[[gpu_slo]]\npool = 'true'\nmin_utilization = 0.5\nwindow_days = 7\nmay_buy = ['owned']",
                "gpu_slo[0].may_buy names owned",
            ),
            (
                "[providers.p]\n[models.m]\nprovider = 'p'\ncharge_match = '('",
                "models.\"m\".charge_match",
            ),
            (
                "[providers.p]\napi_base_match = '['",
                "providers.p.api_base_match",
            ),
            (
                "[providers.p]\ngateway_names = ['x']\n[providers.q]\ngateway_names = ['x']",
                "both logged as 'x'",
            ),
            ("[[scopes]]\nscope = 'Saas'\nmatch = 'true'", "'Saas' is no scope"),
            (
                "[use_cases.a]\n[[sharing]]\nmatch = 'true'\nmethod = 'fixed'\nshares = { a = '1.1' }",
                "add up to 1.1",
            ),
            (
                "[[sharing]]\nmatch = 'true'\nmethod = 'fixed'\nshares = { a = '0.1' }",
                "no use case 'a'",
            ),
            (
                "[[sharing]]\nmatch = 'true'\nmethod = 'fixed'",
                "missing for method fixed",
            ),
            ("[[sharing]]\nmatch = 'true'\nmethod = 'fair'", "fair"),
            ("[use_cases.a]\ncolour = 'red'", "colour"),
            ("[use_cases.a]\nvalue_per_success = 1.5", "as text"),
            ("[use_cases.a]\nsince = 'March'", "not a day"),
            ("[use_cases.a]\nsince = 2026-03-01T10:00:00Z", "not a day"),
            ("[energy]\npue = 0.9", "energy.pue is 0.9"),
            (
                "[[gpu_nodes]]\nhost='h'\nresource_id='i'\ngpus=0\ngpu_model='H100'\npurchase='spot'",
                "gpus is 0",
            ),
            (
                "[[gpu_nodes]]\nhost='h'\nresource_id='i'\ngpus=1\ngpu_model='H100'\npurchase='spot'\nmodel='m'",
                "no model 'm'",
            ),
            (
                "[[pull.prometheus]]\nname='g'\nstep_seconds=0",
                "step_seconds is 0",
            ),
        ] {
            let message = refused(text);
            assert!(message.contains(said), "{text}\n{message}");
        }
    }

    #[test]
    fn a_day_is_a_date_or_its_text() {
        for day in ["2026-03-01", "'2026-03-01'"] {
            let registry = Registry::parse(&format!("[use_cases.a]\nsince = {day}")).unwrap();
            // 56 years with 14 leap days, January and February.
            assert_eq!(registry.use_cases["a"].since.unwrap().0, 56 * 365 + 14 + 59);
            assert_eq!(registry.use_cases["a"].control_variant, "control");
        }
    }

    #[test]
    fn an_alias_may_stand_twice_in_one_use_case_and_as_team_and_key() {
        let text = "[use_cases.a]\naliases = { teams = ['x', 'x'], keys = ['y'] }\n\
                    [use_cases.b]\naliases = { keys = ['x'], teams = ['y'] }";
        assert_eq!(Registry::parse(text).unwrap().use_cases.len(), 2);
    }
}
