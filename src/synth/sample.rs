//! The sample company: some sixty people, three model vendors, a few GPUs, one quarter of 2026.

use super::portfolio::*;
use chrono::NaiveDate;

pub(super) const OPENAI: usize = 0;
pub(super) const ANTHROPIC: usize = 1;
pub(super) const BEDROCK: usize = 2;
pub(super) const SELF_HOSTED: usize = 3;

const GPT_MINI: usize = 0;
const GPT: usize = 1;
const SONNET: usize = 2;
const OPUS: usize = 3;
const HAIKU: usize = 4;
const NOVA: usize = 5;
const QWEN: usize = 6;
const LLAMA: usize = 7;
const SEARCH: usize = 9;

const BILL_OPENAI: usize = 0;
const BILL_AWS: usize = 2;
const BILL_DATA_CENTRE: usize = 3;
const BILL_SAAS: usize = 4;
const BILL_LICENCES: usize = 5;

pub(super) fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or(NaiveDate::MIN)
}

const PLATFORM: &str = r#"{"env":"prod","team":"platform"}"#;
const STAGING: &str = r#"{"env":"staging"}"#;

pub(super) fn portfolio() -> Portfolio {
    Portfolio {
        story: vec![
            "Traffic grows by two thirds over the quarter, with quiet nights and weekends.",
            "`code-agent` becomes expensive: since 24 August something at the head of its prompt changes with every call, \
             so the provider's prompt cache no longer holds, and it asks more often per task. Its $/successful task more than triples.",
            "On 9 September, 08:00 to 18:00 UTC, Anthropic is down: retries fail, answers come from the fallback models.",
            "OpenAI lowers the price of `gpt-5-mini` on 15 August.",
            "`negotiation-agent` is a pilot without any success yet; `voice-concierge` started on 1 September and labels little.",
            "Requests of the key `intern-lab` belong to no registered use case; `o4-search-preview` has no list price.",
            "Shadow spend: `gpt-5-pro` and Cohere are billed and no gateway saw them; a few per cent of `gpt-5-mini` and Sonnet goes past it too.",
            "GPUs: two reserved L40S nodes (one is off at weekends, so its commitment lies unused), one on demand in office hours, \
             one spot node that comes and goes, a second spot node that nobody scrapes until September (dark), and an owned node with two H100, \
             one of which has no pod until 20 August. `gpu-res-1` has no telemetry on 3 and 4 August. The counters of `dc-gpu-1` restart on 18 August.",
            "The GPUs are few and the requests fewer: kept small so that the data fits into a repository, so energy and GPU money per request \
             are some hundred times what a busy fleet has.",
            "Bills in USD and EUR; OpenAI grants a credit in September, AWS corrects July tokens in August and adds tax.",
            "Some labels arrive weeks late, some are corrected later, the last days are still pending.",
        ],
        providers: providers(),
        models: models(),
        use_cases: use_cases(),
        incidents: vec![Incident {
            day: day(2026, 9, 9),
            hours: 8..18,
            provider: ANTHROPIC,
            failing: 0.9,
        }],
        nodes: nodes(),
        commitment: Some(Commitment {
            id: "sp-7d1e5c20",
            name: "g6e.xlarge, 1 year, no upfront",
            instance_type: "g6e.xlarge",
            instances: 2,
            rate: "1.172",
            list_rate: "1.861",
            bill: BILL_AWS,
        }),
        bills: bills(),
        flat: flat(),
        fleets: vec![Fleet {
            bill: BILL_AWS,
            provider: "AWS",
            services: vec![
                ("Amazon EC2", "Compute", "3.9217"),
                ("Amazon RDS", "Databases", "9.604"),
                ("Amazon S3", "Storage", "2.11875"),
                ("Amazon EKS", "Compute", "7.2"),
                ("AWS data transfer", "Networking", "1.90375"),
            ],
            resources: 16,
            hourly: false,
            // One per resource: the third and the thirteenth are buckets of one use case each.
            tags: vec![
                "",
                PLATFORM,
                r#"{"use_case":"invoice-extract","env":"prod"}"#,
                "",
                PLATFORM,
                STAGING,
                "",
                PLATFORM,
                PLATFORM,
                "",
                STAGING,
                PLATFORM,
                r#"{"use_case":"knowledge-search","env":"prod"}"#,
                "",
                PLATFORM,
                STAGING,
            ],
        }],
        budgets: vec![
            ("ai-month", Some("AI"), "4200"),
            ("cloud-month", Some("Cloud"), "3500"),
            ("everything-month", None, "16500"),
        ],
        id_digits: 12,
        long_lines: false,
        call_ids_from: day(2026, 9, 1),
    }
}

pub(super) fn providers() -> Vec<Provider> {
    vec![
        Provider {
            id: "openai",
            charge_match: "provider = 'OpenAI' AND service_name = 'OpenAI API'",
            gateway_name: "openai",
            api_base: "https://api.openai.com",
        },
        Provider {
            id: "anthropic",
            charge_match: "provider = 'Anthropic' AND service_name = 'Claude API'",
            gateway_name: "anthropic",
            api_base: "https://api.anthropic.com",
        },
        Provider {
            id: "bedrock",
            charge_match: "provider = 'AWS' AND service_name = 'Amazon Bedrock'",
            gateway_name: "bedrock",
            api_base: "https://bedrock-runtime.eu-west-1.amazonaws.com",
        },
        Provider {
            id: "self-hosted",
            charge_match: "",
            gateway_name: "hosted_vllm",
            api_base: "http://llm.internal.example:8000",
        },
    ]
}

fn price(
    valid_from: NaiveDate,
    input: &'static str,
    cache_read: &'static str,
    cache_write: Option<&'static str>,
    output: &'static str,
) -> Price {
    Price {
        valid_from,
        input,
        cache_read,
        cache_write,
        output,
        per_mille: 1_000,
    }
}

fn model(id: &'static str, provider: usize, tier: &'static str, prices: Vec<Price>) -> Model {
    Model {
        id,
        provider,
        logged: id,
        tier: Some(tier),
        sku: id,
        charge_match: id,
        prices,
        unlisted: None,
        discount_per_mille: 0,
        unlogged: 0.0,
        ttft_ms: 500.0,
        tokens_per_second: 80.0,
        node_capacity: 0.0,
    }
}

pub(super) fn models() -> Vec<Model> {
    let spring = day(2026, 1, 1);
    vec![
        Model {
            sku: "gpt-5-mini-2026-03-11",
            discount_per_mille: 60,
            unlogged: 0.04,
            tokens_per_second: 120.0,
            ..model(
                "gpt-5-mini",
                OPENAI,
                "small",
                vec![
                    price(spring, "0.40", "0.10", None, "2.40"),
                    price(day(2026, 8, 15), "0.25", "0.025", None, "2.00"),
                ],
            )
        },
        Model {
            sku: "gpt-5-2026-03-11",
            discount_per_mille: 60,
            ..model(
                "gpt-5",
                OPENAI,
                "frontier",
                vec![price(spring, "1.25", "0.125", None, "10")],
            )
        },
        Model {
            sku: "Claude Sonnet 4.5",
            charge_match: "(?i)claude sonnet 4\\.5",
            unlogged: 0.03,
            ..model(
                "claude-sonnet-4-5",
                ANTHROPIC,
                "frontier",
                vec![price(spring, "3", "0.30", Some("3.75"), "15")],
            )
        },
        Model {
            sku: "Claude Opus 4.5",
            charge_match: "(?i)claude opus 4\\.5",
            tokens_per_second: 55.0,
            ..model(
                "claude-opus-4-5",
                ANTHROPIC,
                "frontier",
                vec![price(spring, "5", "0.50", Some("6.25"), "25")],
            )
        },
        Model {
            logged: "bedrock/anthropic.claude-haiku-4-5-v1:0",
            sku: "EUW1-ClaudeHaiku4.5",
            charge_match: "ClaudeHaiku4\\.5",
            discount_per_mille: 50,
            tokens_per_second: 140.0,
            ..model(
                "anthropic.claude-haiku-4-5-v1:0",
                BEDROCK,
                "small",
                vec![price(spring, "1", "0.10", Some("1.25"), "5")],
            )
        },
        Model {
            logged: "bedrock/amazon.nova-lite-v1:0",
            sku: "EUW1-NovaLite",
            charge_match: "NovaLite",
            discount_per_mille: 50,
            tokens_per_second: 160.0,
            ..model(
                "amazon.nova-lite-v1:0",
                BEDROCK,
                "small",
                vec![price(spring, "0.06", "0.015", None, "0.24")],
            )
        },
        Model {
            logged: "hosted_vllm/qwen-3-32b",
            ttft_ms: 350.0,
            tokens_per_second: 34.0,
            node_capacity: 40_000.0,
            ..model("qwen-3-32b", SELF_HOSTED, "medium", vec![])
        },
        Model {
            logged: "hosted_vllm/llama-3.3-70b",
            ttft_ms: 600.0,
            tokens_per_second: 26.0,
            node_capacity: 64_000.0,
            ..model("llama-3.3-70b", SELF_HOSTED, "medium", vec![])
        },
        Model {
            sku: "gpt-5-pro-2026-05-06",
            discount_per_mille: 60,
            ..model(
                "gpt-5-pro",
                OPENAI,
                "frontier",
                vec![price(spring, "15", "15", None, "120")],
            )
        },
        Model {
            tier: None,
            sku: "o4-search-preview-2026-06-24",
            unlisted: Some(price(spring, "2", "2", None, "9")),
            ..model("o4-search-preview", OPENAI, "frontier", vec![])
        },
    ]
}

fn use_case(
    id: &str,
    owner: &'static str,
    stage: &'static str,
    risk_tier: &'static str,
    team: &str,
    key: &str,
) -> UseCase {
    UseCase {
        id: id.to_owned(),
        owner,
        stage,
        risk_tier,
        value: None,
        maturity_days: 7,
        team: team.to_owned(),
        key: key.to_owned(),
        tagged: true,
        registered: true,
        share: 1.0,
        launched: day(2026, 1, 1),
        growth: 1.6,
        rhythm: Rhythm::Office,
        requests_per_task: 3.0,
        routes: vec![],
        fallback: GPT,
        input: 8_000.0,
        output: 600.0,
        cached: 0.5,
        gateway_cached: 0.0,
        success: 0.7,
        labelled: 0.9,
        label_delay_hours: 6.0,
        drift: None,
        spells: vec![],
        csv_labels: false,
    }
}

#[rustfmt::skip]
pub(super) fn use_cases() -> Vec<UseCase> {
    vec![
        UseCase {
            value: Some("1.80"), share: 18.0, growth: 1.8, rhythm: Rhythm::Always, requests_per_task: 3.0,
            routes: vec![(GPT_MINI, 9), (HAIKU, 9), (SONNET, 2)], fallback: GPT,
            input: 26_000.0, output: 900.0, cached: 0.6, gateway_cached: 0.09, success: 0.74,
            ..use_case("support-answers", "cx-platform", "production", "limited", "cx", "cx-prod")
        },
        UseCase {
            value: Some("9.00"), share: 16.0, growth: 1.7, requests_per_task: 5.5,
            routes: vec![(SONNET, 14), (OPUS, 2), (GPT, 4)], fallback: GPT,
            input: 150_000.0, output: 2_900.0, cached: 0.86, success: 0.61, labelled: 0.95, label_delay_hours: 20.0,
            drift: Some(Drift { from: day(2026, 8, 24), input_factor: 1.25, cache_factor: 0.2, requests_factor: 1.35 }),
            ..use_case("code-agent", "dev-tools", "production", "minimal", "dev-tools", "dev-bots")
        },
        UseCase {
            value: Some("0.90"), tagged: false, share: 18.0, growth: 1.5, rhythm: Rhythm::Night, requests_per_task: 1.5,
            routes: vec![(QWEN, 11), (LLAMA, 6), (HAIKU, 3)], fallback: HAIKU,
            input: 11_000.0, output: 1_500.0, cached: 0.2, success: 0.88, labelled: 0.97, label_delay_hours: 30.0, csv_labels: true,
            ..use_case("invoice-extract", "back-office", "production", "limited", "back-office", "docs-batch")
        },
        UseCase {
            value: Some("0.35"), tagged: false, share: 17.0, growth: 1.9, rhythm: Rhythm::Always, requests_per_task: 2.0,
            routes: vec![(QWEN, 15), (GPT_MINI, 5)], fallback: GPT_MINI,
            input: 6_500.0, output: 450.0, cached: 0.4, gateway_cached: 0.22, success: 0.66, labelled: 0.55,
            ..use_case("knowledge-search", "platform", "production", "minimal", "platform", "search-prod")
        },
        UseCase {
            value: Some("24.00"), share: 6.0, growth: 1.3, requests_per_task: 4.0, maturity_days: 21,
            routes: vec![(LLAMA, 8), (OPUS, 2)], fallback: SONNET,
            input: 46_000.0, output: 2_400.0, cached: 0.5, success: 0.58, labelled: 0.8, label_delay_hours: 190.0,
            ..use_case("contract-review", "legal", "limited", "high", "legal", "legal-desk")
        },
        UseCase {
            value: Some("3.00"), share: 7.0, growth: 1.4, requests_per_task: 4.0,
            routes: vec![(GPT, 10), (GPT_MINI, 7), (SEARCH, 3)], fallback: SONNET,
            input: 60_000.0, output: 2_600.0, cached: 0.3, success: 0.47, labelled: 0.7, label_delay_hours: 70.0,
            ..use_case("sales-research", "growth", "limited", "minimal", "growth", "sales-lab")
        },
        UseCase {
            value: Some("0.60"), share: 5.0, growth: 1.2, requests_per_task: 2.0,
            routes: vec![(GPT_MINI, 5), (NOVA, 5)], fallback: GPT_MINI,
            input: 3_200.0, output: 900.0, cached: 0.2, success: 0.52, labelled: 0.6, label_delay_hours: 48.0,
            ..use_case("marketing-copy", "growth", "production", "minimal", "growth", "copy-prod")
        },
        UseCase {
            value: Some("4.50"), share: 5.0, growth: 2.2, requests_per_task: 5.0,
            routes: vec![(SONNET, 5), (GPT, 5)], fallback: GPT,
            input: 90_000.0, output: 2_400.0, cached: 0.7, success: 0.55, labelled: 0.75, label_delay_hours: 12.0,
            ..use_case("data-analyst", "data", "limited", "limited", "data", "bi-copilot")
        },
        UseCase {
            value: Some("0.50"), tagged: false, share: 9.0, growth: 1.6, requests_per_task: 1.0,
            routes: vec![(NOVA, 8), (QWEN, 6), (LLAMA, 6)], fallback: NOVA,
            input: 9_000.0, output: 420.0, cached: 0.0, success: 0.91, labelled: 0.5, label_delay_hours: 3.0,
            ..use_case("call-summaries", "cx-platform", "production", "limited", "cx-voice", "calls-prod")
        },
        UseCase {
            share: 2.0, growth: 2.0, requests_per_task: 6.0, launched: day(2026, 7, 20),
            routes: vec![(OPUS, 10)], fallback: SONNET,
            input: 60_000.0, output: 2_600.0, cached: 0.6, success: 0.0, labelled: 0.6, label_delay_hours: 60.0,
            ..use_case("negotiation-agent", "procurement", "sandbox", "high", "procurement", "nego-pilot")
        },
        UseCase {
            share: 4.0, growth: 3.0, requests_per_task: 4.0, launched: day(2026, 9, 1),
            routes: vec![(HAIKU, 6), (NOVA, 4)], fallback: GPT_MINI,
            input: 5_000.0, output: 300.0, cached: 0.5, success: 0.3, labelled: 0.12, label_delay_hours: 24.0,
            ..use_case("voice-concierge", "cx-platform", "sandbox", "high", "cx-voice", "voice-pilot")
        },
        UseCase {
            registered: false, tagged: false, share: 2.0, growth: 1.5, requests_per_task: 2.0,
            routes: vec![(GPT_MINI, 5), (SONNET, 2)], fallback: GPT_MINI,
            input: 9_000.0, output: 800.0, labelled: 0.0,
            ..use_case("intern-lab", "", "sandbox", "minimal", "interns", "intern-lab")
        },
    ]
}

fn node(host: &str, resource_id: &str, purchase: Purchase, uptime: Uptime, rate: &'static str) -> Node {
    Node {
        host: host.to_owned(),
        resource_id: resource_id.to_owned(),
        gpus: 1,
        gpu_model: "L40S",
        driver_name: "NVIDIA L40S",
        instance_type: "g6e.xlarge",
        purchase,
        model: QWEN,
        bill: BILL_AWS,
        list_rate: "1.861",
        rate,
        uptime,
        left_on: None,
        watts: (36.0, 330.0),
        telemetry_from: None,
        hole: None,
        spare_until: None,
        reset: None,
        exported: false,
    }
}

fn nodes() -> Vec<Node> {
    vec![
        Node {
            hole: Some((day(2026, 8, 3), day(2026, 8, 5))),
            ..node(
                "gpu-res-1",
                "i-0a1f3c2d4e5b6a701",
                Purchase::Reserved,
                Uptime::Always,
                "1.172",
            )
        },
        node(
            "gpu-res-2",
            "i-0a1f3c2d4e5b6a702",
            Purchase::Reserved,
            Uptime::Weekdays,
            "1.172",
        ),
        node(
            "gpu-od-1",
            "i-0b7e21c9d8f0a4411",
            Purchase::OnDemand,
            Uptime::OfficeHours,
            "1.861",
        ),
        node(
            "gpu-spot-1",
            "i-0c5d90aa37e1f2b81",
            Purchase::Spot,
            Uptime::Spot,
            "0.7412",
        ),
        Node {
            telemetry_from: Some(day(2026, 9, 4)),
            ..node(
                "gpu-spot-2",
                "i-0c5d90aa37e1f2b82",
                Purchase::Spot,
                Uptime::Spot,
                "0.7412",
            )
        },
        Node {
            gpus: 2,
            gpu_model: "H100",
            driver_name: "NVIDIA H100 PCIe",
            instance_type: "",
            model: LLAMA,
            bill: BILL_DATA_CENTRE,
            list_rate: "1.2875",
            watts: (52.0, 335.0),
            spare_until: Some(day(2026, 8, 20)),
            reset: Some(day(2026, 8, 18)),
            exported: true,
            ..node(
                "dc-gpu-1",
                "rack7-dc-gpu-1",
                Purchase::Owned,
                Uptime::Always,
                "1.2875",
            )
        },
    ]
}

#[rustfmt::skip]
pub(super) fn bills() -> Vec<Bill> {
    vec![
        Bill {
            source: "openai", focus: Focus::V1_2, issuer: "OpenAI", currency: "USD",
            account: ("org-4f1c", "Example Corp"), sub_account: ("proj_gateway", "gateway"), region: "eu-west-1",
            providers: vec![OPENAI], service: "OpenAI API",
        },
        Bill {
            source: "anthropic", focus: Focus::V1_0, issuer: "Anthropic", currency: "USD",
            account: ("ant-77120", "Example Corp"), sub_account: ("wrkspc_gateway", "gateway"), region: "eu-west-1",
            providers: vec![ANTHROPIC], service: "Claude API",
        },
        Bill {
            source: "aws", focus: Focus::V1_2, issuer: "AWS", currency: "USD",
            account: ("100000000001", "Example Corp payer"), sub_account: ("200000000014", "ai-platform"), region: "eu-west-1",
            providers: vec![BEDROCK], service: "Amazon Bedrock",
        },
        Bill {
            source: "data-centre", focus: Focus::V1_2, issuer: "Rhine Colo", currency: "EUR",
            account: ("RC-2210", "Example Corp GmbH"), sub_account: ("rack7", "Rack 7"), region: "eu-central-1",
            providers: vec![], service: "",
        },
        Bill {
            source: "saas", focus: Focus::V1_3, issuer: "Example Marketplace", currency: "USD",
            account: ("mk-0091", "Example Corp"), sub_account: ("it", "IT"), region: "us-east-1",
            providers: vec![], service: "",
        },
        Bill {
            source: "licences", focus: Focus::V1_2, issuer: "Licence Trust", currency: "EUR",
            account: ("LT-5512", "Example Corp GmbH"), sub_account: ("it", "IT"), region: "eu-central-1",
            providers: vec![], service: "",
        },
    ]
}

#[rustfmt::skip]
fn flat() -> Vec<Flat> {
    const AI: &str = "AI and Machine Learning";
    let lab = Some(("proj_growth_lab", "growth-lab"));
    vec![
        Flat { bill: BILL_OPENAI, rate: Rate::Daily, provider: "OpenAI", service: "OpenAI API", category: AI,
            description: "gpt-5-pro-2026-05-06, input", sku: "gpt-5-pro-2026-05-06", meter: "Input Tokens",
            unit_price: "0.0000141", quantity: 61_000, unit: "Tokens", growth: 2.4, sub_account: lab, ..Flat::default() },
        Flat { bill: BILL_OPENAI, rate: Rate::Daily, provider: "OpenAI", service: "OpenAI API", category: AI,
            description: "gpt-5-pro-2026-05-06, output", sku: "gpt-5-pro-2026-05-06", meter: "Output Tokens",
            unit_price: "0.0001128", quantity: 19_000, unit: "Tokens", growth: 2.4, sub_account: lab, ..Flat::default() },
        Flat { bill: BILL_OPENAI, rate: Rate::Monthly, provider: "OpenAI", service: "OpenAI API", category: AI,
            description: "File search tool calls", sku: "FILE-SEARCH", meter: "File Search",
            unit_price: "0.0025", quantity: 7_412, growth: 1.5, ..Flat::default() },
        Flat { bill: BILL_OPENAI, rate: Rate::Once(9), provider: "OpenAI", service: "OpenAI API", category: AI, charge_category: "Credit",
            description: "Service credit", unit_price: "-45", ..Flat::default() },
        Flat { bill: BILL_AWS, rate: Rate::Once(8), provider: "AWS", service: "Amazon Bedrock", category: AI, correction: true,
            description: "Correction of July output tokens", sku: "SKU-9Q2XN", meter: "EUW1-ClaudeHaiku4.5-output-tokens",
            unit_price: "0.00000475", quantity: -18_400, unit: "Tokens", ..Flat::default() },
        Flat { bill: BILL_AWS, rate: Rate::Monthly, provider: "AWS", service: "AWS tax", charge_category: "Tax",
            description: "VAT, reverse charge balance", unit_price: "121.37", growth: 1.2, ..Flat::default() },
        Flat { bill: BILL_AWS, rate: Rate::Once(7), provider: "AWS", service: "Amazon EC2", category: "Compute", charge_category: "Credit",
            description: "Migration programme credit", unit_price: "-250", ..Flat::default() },
        Flat { bill: BILL_AWS, rate: Rate::Monthly, provider: "AWS", service: "AWS Support", category: "Other",
            description: "Business support", unit_price: "310.5", ..Flat::default() },
        Flat { bill: BILL_DATA_CENTRE, provider: "Rhine Colo", service: "Colocation", category: "Compute",
            description: "Rack 7, space and cooling", unit_price: "840", ..Flat::default() },
        Flat { bill: BILL_DATA_CENTRE, provider: "Rhine Colo", service: "Electricity",
            description: "Rack 7, metered", unit_price: "0.2314", quantity: 1_630, unit: "kWh", growth: 1.1, ..Flat::default() },
        Flat { bill: BILL_DATA_CENTRE, provider: "Rhine Colo", service: "Remote hands",
            description: "Engineer on site", unit_price: "95", quantity: 2, unit: "Hours", ..Flat::default() },
        Flat { bill: BILL_SAAS, provider: "Qdrant", service: "Vector DB", category: "Databases",
            description: "Managed cluster", unit_price: "436.33", growth: 1.3, tags: r#"{"env":"prod"}"#, ..Flat::default() },
        Flat { bill: BILL_SAAS, provider: "Grafana Labs", service: "AI Observability", category: "Management and Governance",
            description: "Traces", unit_price: "0.42", quantity: 900, unit: "GB", growth: 1.4, ..Flat::default() },
        Flat { bill: BILL_SAAS, provider: "Lakera", service: "Guardrails", category: "Security",
            description: "Prompt screening", unit_price: "250.01", ..Flat::default() },
        Flat { bill: BILL_SAAS, provider: "GitHub", service: "GitHub Copilot", category: "Developer Tools",
            description: "Seats", unit_price: "19", quantity: 34, unit: "Seats", growth: 1.12, ..Flat::default() },
        Flat { bill: BILL_SAAS, provider: "OpenAI", service: "ChatGPT Team", category: "Business Applications",
            description: "Seats", unit_price: "29", quantity: 22, unit: "Seats", ..Flat::default() },
        Flat { bill: BILL_SAAS, provider: "Atlassian", service: "Jira", category: "Business Applications",
            description: "Seats", unit_price: "8.15", quantity: 61, unit: "Seats", ..Flat::default() },
        Flat { bill: BILL_SAAS, provider: "Cohere", service: "Cohere Embed", category: AI, rate: Rate::Daily,
            description: "embed-v4.0 input tokens", sku: "embed-v4", meter: "Input Tokens",
            unit_price: "0.0000001", quantity: 21_000_000, unit: "Tokens", growth: 1.3, ..Flat::default() },
        Flat { bill: BILL_SAAS, provider: "Deepgram", service: "Speech to text", category: "Business Applications",
            description: "Pilot, flat fee", unit_price: "120", tags: r#"{"use_case":"voice-concierge"}"#, ..Flat::default() },
        Flat { bill: BILL_LICENCES, provider: "Oracle", service: "Oracle Database licence", category: "Databases",
            description: "Standard edition, 2 processors", unit_price: "611.11", quantity: 2, unit: "Licences", ..Flat::default() },
        Flat { bill: BILL_LICENCES, provider: "Red Hat", service: "OpenShift AI licence", category: "Developer Tools",
            description: "Annual licence, monthly part", unit_price: "875", ..Flat::default() },
    ]
}

/// Rules for what no built-in list can know. (scope, SQL predicate over a charge)
pub(super) const SCOPES: &[(&str, &str)] = &[
    ("AI", "provider = 'AWS' AND charge_description LIKE 'g6e.%'"),
    ("Data Centre", "provider = 'Rhine Colo'"),
    (
        "Licensing",
        "service_name IN ('Oracle Database licence', 'OpenShift AI licence')",
    ),
    (
        "SaaS",
        "service_name IN ('Vector DB', 'AI Observability', 'Guardrails', 'GitHub Copilot', 'ChatGPT Team', 'Jira', 'Speech to text')",
    ),
];

/// How a platform's cost is passed on: SQL predicate over a charge, method, fixed shares.
type Sharing = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

pub(super) const SHARING: &[Sharing] = &[
    ("service_name = 'Vector DB'", "requests", &[]),
    ("service_name = 'AI Observability'", "even", &[]),
    ("service_name = 'Guardrails'", "request_cost", &[]),
    (
        "service_name = 'GitHub Copilot'",
        "fixed",
        &[("code-agent", "0.9"), ("data-analyst", "0.1")],
    ),
];
