//! What the tables made of the configuration mean, column by column.

/// A table of the registry, or a view that the rules of the configuration make.
pub(in crate::engine) struct TableWords {
    name: &'static str,
    /// What one row is.
    pub(in crate::engine) about: &'static str,
    /// The table whose columns it hands on.
    pub(in crate::engine) source: Option<&'static str>,
    /// Name, unit, meaning.
    columns: &'static [(&'static str, &'static str, &'static str)],
}

impl TableWords {
    /// Unit and meaning.
    pub(in crate::engine) fn column(&self, name: &str) -> Option<(&'static str, &'static str)> {
        let found = self.columns.iter().find(|(column, ..)| *column == name)?;
        Some((found.1, found.2))
    }
}

pub(in crate::engine) fn of(table: &str) -> Option<&'static TableWords> {
    TABLES.iter().find(|words| words.name == table)
}

const fn table(
    name: &'static str,
    about: &'static str,
    columns: &'static [(&'static str, &'static str, &'static str)],
) -> TableWords {
    TableWords {
        name,
        about,
        source: None,
        columns,
    }
}

static TABLES: &[TableWords] = &[
    table(
        "use_cases",
        "one AI use case of the configuration",
        &[
            ("use_case", "", "Its id, under which spend and outcomes are told."),
            ("owner", "", "Who answers for it."),
            ("risk_tier", "", "prohibited, high, limited or minimal."),
            ("stage", "", "sandbox, limited or production."),
            ("since", "", "Day on which this stage began."),
            (
                "control_variant",
                "",
                "Arm of its experiments that the others are compared with.",
            ),
            (
                "value_per_success",
                "reporting currency",
                "What a success is worth where its outcome does not say.",
            ),
            (
                "maturity_days",
                "day",
                "How long a task without a label is pending.",
            ),
            (
                "allowed_regions",
                "",
                "Where its requests may be answered; none: anywhere.",
            ),
            ("p95_latency_ms", "ms", "Its budget of latency."),
            (
                "max_cost_per_request",
                "reporting currency",
                "Its budget of cost.",
            ),
        ],
    ),
    table(
        "use_case_aliases",
        "one team or key whose requests belong to a use case",
        &[
            ("kind", "", "team or key."),
            ("alias", "", "The team's or the key's name in the gateway's log."),
            ("use_case", "", "Whose requests they are."),
        ],
    ),
    table(
        "providers",
        "one model provider of the configuration",
        &[
            ("provider", "", "The id of the provider."),
            ("self_hosted", "", "Its requests are paid for by GPU charges."),
            (
                "charge_match",
                "",
                "Condition for the charges that pay for its tokens.",
            ),
            ("api_base_match", "", "Pattern of endpoints that are its own."),
        ],
    ),
    table(
        "provider_names",
        "one name under which gateways log a model provider",
        &[
            ("logged", "", "The name in the log."),
            ("provider", "", "The provider's id."),
        ],
    ),
    table(
        "models",
        "one model of the configuration",
        &[
            ("model", "", "The id of the model."),
            ("provider", "", "The id of its provider."),
            ("tier", "", "small, medium or frontier."),
            ("self_hosted", "", "Its provider is one's own."),
            (
                "charge_match",
                "",
                "Pattern of the texts of a charge that name it.",
            ),
            (
                "log_match",
                "",
                "Pattern of the names in gateway logs that mean it.",
            ),
        ],
    ),
    table(
        "gpu_nodes",
        "one machine with GPUs, and the charge that pays for it",
        &[
            ("host", "", "Hostname label of its telemetry."),
            ("resource_id", "", "ResourceId of its charges."),
            ("gpus", "device", "How many GPUs it has."),
            ("gpu_model", "", "Which ones."),
            ("purchase", "", "on_demand, reserved, spot or owned."),
            ("model", "", "The model that it serves."),
            ("region", "", "Whose grid feeds it."),
        ],
    ),
    table(
        "gpu_slo",
        "one service level objective of a pool of GPUs",
        &[
            ("slo", "", "Its place in the configuration, counted from 0."),
            (
                "pool",
                "",
                "Condition over gpu_nodes that says which nodes are meant.",
            ),
            ("min_utilization", "share", "Of the device time that is paid for."),
            ("window_days", "day", "Over how many days it is measured."),
            ("may_buy", "", "Ways to pay that gpu/slo_moves may suggest."),
        ],
    ),
    table(
        "gpu_slo_hosts",
        "one host that a service level objective speaks of",
        &[
            (
                "slo",
                "",
                "The objective's place in the configuration, counted from 0.",
            ),
            ("host", "", "Hostname label of the telemetry."),
        ],
    ),
    table(
        "telemetry_steps",
        "one source of GPU telemetry whose step is known",
        &[
            ("source", "", "Name under which its samples were delivered."),
            ("step_seconds", "s", "How often it is read."),
        ],
    ),
    table(
        "resumed_series",
        "one GPU or MIG instance that is read again after the samples that are looked at; none where these are all",
        &[
            ("gpu_uuid", "", "The device."),
            ("mig_instance", "", "The instance; empty: the device itself."),
        ],
    ),
    table(
        "sharing_rules",
        "one rule that spreads charges that nobody used alone",
        &[
            ("rule", "", "Its place in the configuration, counted from 0."),
            ("charge_match", "", "Condition for the charges that it spreads."),
            ("method", "", "even, requests, request_cost or fixed."),
        ],
    ),
    table(
        "sharing_shares",
        "one share of a fixed sharing rule",
        &[
            (
                "rule",
                "",
                "The rule's place in the configuration, counted from 0.",
            ),
            ("use_case", "", "Who carries the share."),
            ("share", "share", "How much of the charge."),
        ],
    ),
    table(
        "provisioned_rules",
        "one rule for throughput that is paid for by the hour",
        &[
            ("rule", "", "Its place in the configuration, counted from 0."),
            ("attempt_match", "", "Condition for the attempts that ran on it."),
            ("charge_match", "", "Condition for the charges that pay for it."),
        ],
    ),
    table(
        "budgets",
        "one budget of the configuration",
        &[
            ("name", "", "What the budget is called."),
            ("scope", "", "The spend scope it is for; NULL: all."),
            ("use_case", "", "The use case it is for; NULL: all."),
            ("amount", "currency", "What may be spent in a period."),
            ("currency", "", "The currency of the amount."),
            ("period", "", "month, quarter or year."),
        ],
    ),
    table(
        "energy_factors",
        "the factors from the energy of devices to that of a facility; a single row",
        &[
            (
                "host_factor",
                "ratio",
                "Energy of a node over that of its accelerators.",
            ),
            ("pue", "ratio", "Energy of the facility over that of its nodes."),
        ],
    ),
    table(
        "grid_factors",
        "one region whose grid the configuration speaks of",
        &[
            ("region", "", "The region."),
            ("gco2_per_kwh", "g/kWh", "Carbon dioxide per kilowatt-hour."),
        ],
    ),
    TableWords {
        name: "charge_rules",
        about: "one line of a bill, and what the rules of the configuration say of it",
        source: Some("charges"),
        columns: &[
            (
                "user_scope",
                "",
                "The scope that the first scope rule of the configuration gives.",
            ),
            ("user_scope_rule", "", "That rule, in words."),
            ("provider_id", "", "The model provider that claims the line."),
            ("listed_scope", "", "The scope by the lists of queries/scopes."),
            (
                "sharing_rule",
                "",
                "The first sharing rule that holds, counted from 0.",
            ),
            (
                "provisioned_rule",
                "",
                "The first provisioned rule that holds, counted from 0.",
            ),
            (
                "named_model",
                "",
                "The model that its texts name; empty where they name two alike.",
            ),
        ],
    },
    TableWords {
        name: "request_names",
        about: "one attempt, with the names of the registry",
        source: Some("requests"),
        columns: &[
            ("logged_provider", "", "The provider as the gateway logged it."),
            ("logged_model", "", "The model as the gateway logged it."),
            ("provider", "", "The provider by the registry, else as logged."),
            ("model", "", "The model by the registry, else as logged."),
            ("registered", "", "The registry knows the model."),
            ("self_hosted", "", "Its provider is one's own."),
            (
                "provisioned_rule",
                "",
                "The first provisioned rule that holds, counted from 0.",
            ),
        ],
    },
    table(
        "catalogue_tables",
        "one table or view that can be queried",
        &[
            ("table_name", "", "The name of the table or view."),
            ("kind", "", "table (facts, or the configuration) or view."),
            ("about", "", "What one row of it is."),
        ],
    ),
    table(
        "catalogue_columns",
        "one column of a table or view, explained",
        &[
            ("table_name", "", "The table or view."),
            ("position", "", "Its place, counted from 1."),
            ("column_name", "", "The name of the column."),
            ("data_type", "", "Its type in words of SQL."),
            ("nullable", "", "May a value be missing?"),
            (
                "unit",
                "",
                "What a value counts in: a unit, or the column that names it.",
            ),
            ("about", "", "What it means and where it comes from."),
        ],
    ),
    table(
        "catalogue_functions",
        "one function, explained",
        &[
            ("function_name", "", "The name of the function."),
            ("kind", "", "scalar, aggregate, window or table."),
            ("signature", "", "A call, its arguments by name."),
            ("about", "", "What it gives."),
            ("example", "", "A query that shows it."),
            ("ours", "", "One of this program's own."),
        ],
    ),
];
