-- What nobody told is unknown in the sums too, and not zero.

create or replace view report.conversations as
  select id as conversation_id, view ->> 'title' as title, view ->> 'model' as model, client, view ->> 'actor' as actor,
    view ->> 'status' as status, archived, (view ->> 'messages')::int as messages,
    case when not ((view ->> 'uncounted')::int > 0 and (view ->> 'inputTokens')::bigint + (view ->> 'outputTokens')::bigint = 0)
      then (view ->> 'inputTokens')::bigint end as input_tokens,
    case when not ((view ->> 'uncounted')::int > 0 and (view ->> 'inputTokens')::bigint + (view ->> 'outputTokens')::bigint = 0)
      then (view ->> 'outputTokens')::bigint end as output_tokens,
    case when not ((view ->> 'unpriced')::int + (view ->> 'uncounted')::int > 0 and (view ->> 'costUsd')::numeric = 0)
      then (view ->> 'costUsd')::numeric end as cost_usd,
    (view ->> 'unpriced')::int as unpriced,
    view -> 'forkOf' ->> 'conversationId' as fork_of,
    (view ->> 'createdAt')::timestamptz as created_at, updated_at::timestamptz as updated_at,
    (view ->> 'uncounted')::int as uncounted
  from read.conversation;
comment on column report.conversations.input_tokens is 'Of all its calls; of an imported one those elsewhere too; null: of none of them they are known';
comment on column report.conversations.output_tokens is 'Of all its calls; of an imported one those elsewhere too; null: of none of them they are known';
comment on column report.conversations.cost_usd is 'US dollars of the calls whose price is known; null: none is';
comment on column report.conversations.unpriced is 'Calls that the provider counted and whose price is not known: cost_usd is without them';
comment on column report.conversations.uncounted is 'Calls that may have been billed and of which nobody told the tokens, as when a worker died: the sums are without them';

create or replace view report.daily_usage as
  select (at at time zone 'UTC')::date as day, provider, model, count(*) as calls,
    count(*) filter (where outcome = 'failed') as failed,
    sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
    coalesce(sum(cached_input_tokens), 0) as cached_input_tokens,
    coalesce(sum(cache_write_tokens), 0) as cache_write_tokens,
    coalesce(sum(reasoning_tokens), 0) as reasoning_tokens,
    sum(cost_usd) as cost_usd,
    count(*) filter (where input_tokens is not null and cost_usd is null) as unpriced,
    count(*) filter (where input_tokens is null) as uncounted
  from report.replies group by 1, 2, 3;
comment on column report.daily_usage.input_tokens is 'As report.replies; null: of no call they are known';
comment on column report.daily_usage.output_tokens is 'As report.replies; null: of no call they are known';
comment on column report.daily_usage.cost_usd is 'US dollars of the calls whose price is known; null: none is';
comment on column report.daily_usage.uncounted is 'Calls of which the provider told no tokens: the sums are without them';
