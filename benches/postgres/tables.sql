-- LiteLLM's spend table with its indexes, as its proxy makes it, filled from its own JSON lines, and a table of outcomes.
CREATE TABLE lines (line TEXT);
\copy lines FROM PROGRAM 'cat {logs}' WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')
CREATE TABLE "LiteLLM_SpendLogs" (
    request_id TEXT NOT NULL,
    call_type TEXT NOT NULL,
    api_key TEXT NOT NULL DEFAULT '',
    spend DOUBLE PRECISION NOT NULL DEFAULT 0.0,
    total_tokens INTEGER NOT NULL DEFAULT 0,
    prompt_tokens INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0,
    "startTime" TIMESTAMP(3) NOT NULL,
    "endTime" TIMESTAMP(3) NOT NULL,
    "completionStartTime" TIMESTAMP(3),
    model TEXT NOT NULL DEFAULT '',
    model_id TEXT DEFAULT '',
    model_group TEXT DEFAULT '',
    custom_llm_provider TEXT DEFAULT '',
    api_base TEXT DEFAULT '',
    "user" TEXT DEFAULT '',
    metadata JSONB DEFAULT '{}',
    cache_hit TEXT DEFAULT '',
    cache_key TEXT DEFAULT '',
    request_tags JSONB DEFAULT '[]',
    team_id TEXT,
    end_user TEXT,
    messages JSONB DEFAULT '{}',
    response JSONB DEFAULT '{}',
    session_id TEXT,
    status TEXT
);
INSERT INTO "LiteLLM_SpendLogs"
SELECT
    j->>'request_id', j->>'call_type', j->>'api_key', (j->>'spend')::DOUBLE PRECISION, (j->>'total_tokens')::INTEGER,
    (j->>'prompt_tokens')::INTEGER, (j->>'completion_tokens')::INTEGER, (j->>'startTime')::TIMESTAMP,
    (j->>'endTime')::TIMESTAMP, nullif(j->>'completionStartTime', '')::TIMESTAMP, j->>'model', j->>'model_id',
    j->>'model_group', j->>'custom_llm_provider', j->>'api_base', j->>'user', (j->>'metadata')::JSONB, j->>'cache_hit',
    j->>'cache_key', (j->>'request_tags')::JSONB, j->>'team_id', j->>'end_user', (j->>'messages')::JSONB,
    (j->>'response')::JSONB, j->>'session_id', j->>'status'
FROM (SELECT line::JSON AS j FROM lines) AS l;
ALTER TABLE "LiteLLM_SpendLogs" ADD PRIMARY KEY (request_id);
CREATE INDEX "LiteLLM_SpendLogs_startTime_idx" ON "LiteLLM_SpendLogs" ("startTime");
CREATE INDEX "LiteLLM_SpendLogs_end_user_idx" ON "LiteLLM_SpendLogs" (end_user);
CREATE INDEX "LiteLLM_SpendLogs_session_id_idx" ON "LiteLLM_SpendLogs" (session_id);
DROP TABLE lines;
CREATE TABLE outcomes (task_id TEXT, use_case TEXT, success BOOLEAN, recorded_at TIMESTAMP);
\copy outcomes FROM '{outcomes}' WITH (FORMAT csv, HEADER)
CREATE INDEX outcomes_task_id_idx ON outcomes (task_id);
VACUUM (ANALYZE) "LiteLLM_SpendLogs", outcomes;
