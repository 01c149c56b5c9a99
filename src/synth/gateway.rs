//! LiteLLM's spend log, one attempt a line, as its callbacks and its table write it. No prompts, no answers.

use super::portfolio::Portfolio;
use super::traffic::Attempt;
use crate::base::hash::content_hash;
use crate::base::money::format_short;
use crate::base::time::from_micros;
use chrono::NaiveDate;
use std::fmt::Write as _;

pub(super) struct LineWriter<'a> {
    portfolio: &'a Portfolio,
    /// SHA-256 of each use case's key, as LiteLLM stores keys.
    keys: Vec<String>,
    /// LiteLLM's model map entry, by model; empty in short lines.
    maps: Vec<String>,
    line: String,
}

fn instant(millis: i64) -> impl std::fmt::Display {
    from_micros(millis * 1_000).format("%Y-%m-%dT%H:%M:%S%.3fZ")
}

impl<'a> LineWriter<'a> {
    pub(super) fn new(portfolio: &'a Portfolio) -> Self {
        let keys = portfolio
            .use_cases
            .iter()
            .map(|case| content_hash(case.key.as_bytes()))
            .collect();
        let maps = portfolio
            .models
            .iter()
            .map(|model| {
                if portfolio.long_lines {
                    model_map(model.id)
                } else {
                    String::new()
                }
            })
            .collect();
        LineWriter {
            portfolio,
            keys,
            maps,
            line: String::with_capacity(2_048),
        }
    }

    /// One line, with its newline. `spend` is what the gateway worked out from list prices.
    pub(super) fn line(&mut self, attempt: &Attempt, spend: Option<i128>, day: NaiveDate) -> &str {
        let portfolio = self.portfolio;
        let case = &portfolio.use_cases[attempt.use_case];
        let model = &portfolio.models[attempt.model];
        let asked = &portfolio.models[attempt.asked];
        let provider = &portfolio.providers[model.provider];
        let prompt = attempt.uncached + attempt.read + attempt.write;
        let total = prompt + attempt.output;
        let status = if attempt.failed { "failure" } else { "success" };
        let (hit, suffix) = if attempt.gateway_hit {
            ("True", "_cache_hit")
        } else {
            ("False", "")
        };
        let spend = if attempt.gateway_hit {
            0
        } else {
            spend.unwrap_or(0)
        };
        let line = &mut self.line;
        line.clear();
        // Writing into a string cannot fail.
        let _ = write!(
            line,
            r#"{{"request_id":"{}{suffix}","call_type":"acompletion","api_key":"{}","spend":{},"total_tokens":{total},"prompt_tokens":{prompt},"completion_tokens":{},"startTime":"{}","endTime":"{}","completionStartTime":"{}","model":"{}","model_id":"","model_group":"{}","custom_llm_provider":"{}","api_base":"{}","user":"{}-{:03}","metadata":"#,
            attempt.id,
            self.keys[attempt.use_case],
            format_short(spend),
            attempt.output,
            instant(attempt.start),
            instant(attempt.end),
            instant(attempt.first_token),
            model.logged,
            asked.id,
            provider.gateway_name,
            provider.api_base,
            case.team,
            attempt.user,
        );
        let details = if attempt.reasoning > 0 {
            format!(r#"{{\"reasoning_tokens\":{}}}"#, attempt.reasoning)
        } else {
            "null".to_owned()
        };
        let cache = match (attempt.read, attempt.write) {
            (0, 0) => r#"\"prompt_tokens_details\":null"#.to_owned(),
            (read, 0) => format!(r#"\"prompt_tokens_details\":{{\"cached_tokens\":{read}}}"#),
            (read, write) => format!(
                r#"\"prompt_tokens_details\":{{\"cached_tokens\":{read},\"cache_creation_tokens\":{write}}},\"cache_creation_input_tokens\":{write},\"cache_read_input_tokens\":{read}"#
            ),
        };
        let inner = if attempt.failed { r#"\"failure\""# } else { "null" };
        let error = if attempt.failed {
            r#"{\"error_code\":\"529\",\"error_class\":\"InternalServerError\"}"#
        } else {
            "null"
        };
        let _ = write!(
            line,
            r#""{{\"user_api_key_alias\":\"{}\",\"user_api_key_team_alias\":\"{}\",\"original_model_group\":\"{}\",\"usage_object\":{{\"completion_tokens\":{},\"prompt_tokens\":{prompt},\"total_tokens\":{total},\"completion_tokens_details\":{details},{cache}}},{}\"error_information\":{error},\"status\":{inner}}}"#,
            case.key, case.team, asked.id, attempt.output, self.maps[attempt.model],
        );
        line.push('"');
        let tag = if case.tagged {
            format!(r#"[\"use_case:{}\",\"env:prod\"]"#, case.id)
        } else {
            r#"[\"env:prod\"]"#.to_owned()
        };
        let _ = write!(
            line,
            r#","cache_hit":"{hit}","cache_key":"Cache {}","request_tags":"{tag}","team_id":"{}","end_user":"","messages":"{{}}","response":"{{}}","session_id":"{}","status":"{status}""#,
            if case.gateway_cached > 0.0 { "ON" } else { "OFF" },
            case.team,
            attempt.task,
        );
        if day >= portfolio.call_ids_from {
            let _ = write!(line, r#","litellm_call_id":"{}""#, attempt.call_id);
        }
        line.push_str("}\n");
        line
    }
}

/// What makes a real line long: the gateway repeats its whole entry for the model with every call.
fn model_map(model: &str) -> String {
    format!(
        r#"\"model_map_information\":{{\"model_map_key\":\"{model}\",\"model_map_value\":{{\"key\":\"{model}\",\"max_tokens\":16384,\"max_input_tokens\":128000,\"max_output_tokens\":16384,\"input_cost_per_character\":null,\"input_cost_per_token_above_128k_tokens\":null,\"output_cost_per_character\":null,\"output_vector_size\":null,\"mode\":\"chat\",\"supports_system_messages\":true,\"supports_response_schema\":true,\"supports_vision\":true}}}},\"requester_ip_address\":null,\"attempted_retries\":null,"#
    )
}
