-- Conversations, their messages and calls to models as read models; settings; the report views and the role that may read them.

create table read.conversation (
  id text primary key,
  version int not null,
  view json not null,
  -- for lists: long instructions cut, arguments of tool calls left out
  brief json not null,
  archived boolean not null generated always as ((view ->> 'archived')::boolean) stored,
  client text not null generated always as (view ->> 'client') stored,
  -- ISO 8601 in UTC with microseconds: text order is time order
  updated_at text collate "C" not null generated always as (view ->> 'updatedAt') stored
);
create index conversation_by_touch on read.conversation (updated_at desc, id desc);
create index conversation_open on read.conversation (updated_at desc, id desc) where not archived;
create index conversation_by_client on read.conversation (client, updated_at desc, id desc);
comment on table read.conversation is 'Conversations, folded from the streams conversation/*';

create table read.talk (
  conversation_id text primary key,
  client text not null,
  imported_through int not null
);
comment on table read.talk is 'What the messages'' projection must know of a conversation: whose it is, and up to which version its events happened elsewhere';

create table read.message (
  conversation_id text not null,
  version int not null,
  nth int not null,
  role text not null,
  text text not null,
  attached text,
  model text,
  actor text not null,
  client text not null,
  at text collate "C" not null,
  reply_id text,
  outcome text,
  search tsvector not null,
  primary key (conversation_id, version, nth)
);
create index message_search on read.message using gin (search);
create index message_by_age on read.message (at desc, conversation_id desc, version desc);
create index message_summaries on read.message (client, at desc, conversation_id desc, version desc) where role = 'summary';
comment on table read.message is 'What was said, one row per message, reply and summary, named by the version of its event; nth tells messages of one MessagesCopied apart';
comment on column read.message.search is 'Folded words (see conversation/words.ts) of text and attachments, up to 200,000 characters';

create table read.model_call (
  conversation_id text not null,
  version int not null,
  kind text not null,
  outcome text not null,
  reply_id text,
  provider text not null,
  model text not null,
  input_tokens bigint,
  output_tokens bigint,
  cached_input_tokens bigint,
  cache_write_tokens bigint,
  reasoning_tokens bigint,
  cost_usd numeric,
  prices_of text,
  first_token_ms numeric,
  latency_ms numeric not null,
  failure text,
  actor text not null,
  client text not null,
  at text collate "C" not null,
  primary key (conversation_id, version)
);
create index model_call_by_age on read.model_call (at desc, conversation_id desc, version desc);
comment on table read.model_call is 'One row per call to a model: a step of a reply, its outcome, or a summary; calls of imported conversations are left out, for they were billed elsewhere';

create table read.setting (
  id text primary key,
  version int not null,
  view json not null
);
comment on table read.setting is 'Settings that people change at run time, folded from the streams setting/*';

create schema report;
comment on schema report is 'Stable, documented views for SQL reports; the role signalbox_reader may read them and nothing else';

create view report.events as
  select position, stream, version, type, at, actor, command_id, correlation_id, causation_id, data
  from log.event;
comment on view report.events is 'Every fact, in the order in which it was recorded';
comment on column report.events.position is 'Place in the one order: 1, 2, 3 … without gaps';
comment on column report.events.stream is 'What the fact is about, for example conversation/chat-20261120-143022-abc123';
comment on column report.events.version is 'Place within the stream';
comment on column report.events.type is 'What happened, in the past tense';
comment on column report.events.at is 'When it was recorded, by the database server''s clock';
comment on column report.events.actor is 'Who caused it';
comment on column report.events.command_id is 'The command that was carried out';
comment on column report.events.correlation_id is 'Shared by everything that came from one request';
comment on column report.events.causation_id is 'Position of the event that led to this one';
comment on column report.events.data is 'The payload, JSON';

create view report.tasks as
  select id as task_id, host, tool, view ->> 'command' as command, status, view ->> 'actor' as actor, priority,
    created_at::timestamptz as created_at,
    (view ->> 'startedAt')::timestamptz as started_at,
    (view ->> 'finishedAt')::timestamptz as finished_at,
    extract(epoch from (view ->> 'finishedAt')::timestamptz - (view ->> 'startedAt')::timestamptz)::numeric(20, 3) as seconds,
    (view ->> 'exitCode')::int as exit_code,
    view ->> 'message' as message,
    view -> 'report' ->> 'model' as model,
    (view -> 'report' ->> 'inputTokens')::bigint as input_tokens,
    (view -> 'report' ->> 'outputTokens')::bigint as output_tokens,
    (view -> 'report' ->> 'costUsd')::numeric as cost_usd,
    view -> 'report' ->> 'answer' as answer,
    view ->> 'retryOf' as retry_of,
    view ->> 'resumeOf' as resume_of,
    view ->> 'scheduleId' as schedule_id
  from read.task;
comment on view report.tasks is 'Tasks: AI tools and shell commands on hosts';
comment on column report.tasks.task_id is 'Its id';
comment on column report.tasks.host is 'Where it ran';
comment on column report.tasks.tool is 'What ran: claude, codex, gemini, shell …';
comment on column report.tasks.command is 'The prompt, or the shell command';
comment on column report.tasks.status is 'queued, starting, running, waiting, succeeded, failed, killed, timed_out, interrupted, lost, unknown';
comment on column report.tasks.actor is 'Who made it';
comment on column report.tasks.priority is 'Higher first';
comment on column report.tasks.created_at is 'When it was made';
comment on column report.tasks.started_at is 'When its process began; null: not yet';
comment on column report.tasks.finished_at is 'When it ended; null: not yet';
comment on column report.tasks.seconds is 'From start to end';
comment on column report.tasks.exit_code is 'Of its process';
comment on column report.tasks.message is 'Why it ended as it did';
comment on column report.tasks.model is 'The model, where the tool told it';
comment on column report.tasks.input_tokens is 'As the tool counted';
comment on column report.tasks.output_tokens is 'As the tool counted';
comment on column report.tasks.cost_usd is 'US dollars as the tool told them; null: it did not';
comment on column report.tasks.answer is 'The tool''s final answer';
comment on column report.tasks.retry_of is 'The task that this one does again';
comment on column report.tasks.resume_of is 'The task whose session this one continues';
comment on column report.tasks.schedule_id is 'The schedule that made it';

create view report.hosts as
  select id as host, view ->> 'displayName' as title, view ->> 'kind' as kind, view ->> 'address' as address,
    (view ->> 'port')::int as port, view ->> 'user' as login, removed,
    (view -> 'report' ->> 'reachable')::boolean as reachable,
    view -> 'report' ->> 'problem' as problem,
    (view ->> 'checkedAt')::timestamptz as checked_at,
    view -> 'report' ->> 'os' as os,
    (view -> 'report' ->> 'cpus')::int as cpus,
    (view -> 'report' ->> 'memoryTotalBytes')::bigint as memory_bytes,
    (view -> 'report' ->> 'diskFreeBytes')::bigint as disk_free_bytes,
    view -> 'report' ->> 'tmux' as tmux
  from read.host;
comment on view report.hosts is 'Machines on which tasks run, as they were found last';
comment on column report.hosts.host is 'Its name';
comment on column report.hosts.title is 'What people call it';
comment on column report.hosts.kind is 'local or ssh';
comment on column report.hosts.address is 'Where it is reached';
comment on column report.hosts.port is 'Of its SSH server';
comment on column report.hosts.login is 'The user that tasks run as; null: the default';
comment on column report.hosts.removed is 'Removed ones stay for the past''s sake';
comment on column report.hosts.reachable is 'At the last look; null: nobody has looked';
comment on column report.hosts.problem is 'Why not';
comment on column report.hosts.checked_at is 'Time of the last look';
comment on column report.hosts.os is 'Operating system';
comment on column report.hosts.cpus is 'Processors';
comment on column report.hosts.memory_bytes is 'Memory in all';
comment on column report.hosts.disk_free_bytes is 'Free on the disk of the tasks';
comment on column report.hosts.tmux is 'Version of tmux; null: missing, or nobody has looked';

create view report.conversations as
  select id as conversation_id, view ->> 'title' as title, view ->> 'model' as model, client, view ->> 'actor' as actor,
    view ->> 'status' as status, archived, (view ->> 'messages')::int as messages,
    (view ->> 'inputTokens')::bigint as input_tokens, (view ->> 'outputTokens')::bigint as output_tokens,
    (view ->> 'costUsd')::numeric as cost_usd, (view ->> 'unpriced')::int as unpriced,
    view -> 'forkOf' ->> 'conversationId' as fork_of,
    (view ->> 'createdAt')::timestamptz as created_at, updated_at::timestamptz as updated_at
  from read.conversation;
comment on view report.conversations is 'Conversations between people and models';
comment on column report.conversations.conversation_id is 'Its id';
comment on column report.conversations.title is 'Given, or the beginning of the first message';
comment on column report.conversations.model is 'provider/model that answers next';
comment on column report.conversations.client is 'Whose summaries it shares';
comment on column report.conversations.actor is 'Who began it';
comment on column report.conversations.status is 'idle, replying, or waiting for a person''s yes or no';
comment on column report.conversations.archived is 'Put away by a person';
comment on column report.conversations.messages is 'Of people and of models';
comment on column report.conversations.input_tokens is 'Of all its calls; of an imported one those elsewhere too';
comment on column report.conversations.output_tokens is 'Of all its calls; of an imported one those elsewhere too';
comment on column report.conversations.cost_usd is 'US dollars of the calls whose price is known';
comment on column report.conversations.unpriced is 'Calls whose price is not known: cost_usd is without them';
comment on column report.conversations.fork_of is 'The conversation that this one was forked from';
comment on column report.conversations.created_at is 'When it began';
comment on column report.conversations.updated_at is 'When something happened in it last';

create view report.messages as
  select conversation_id, version, nth, role, text, model, actor, client, outcome, reply_id, at::timestamptz as at
  from read.message;
comment on view report.messages is 'What was said, by people, by models and in summaries';
comment on column report.messages.conversation_id is 'Where';
comment on column report.messages.version is 'Place in the conversation: the version of the event';
comment on column report.messages.nth is 'Place within the event, for messages that were taken over from another conversation';
comment on column report.messages.role is 'user, assistant or summary';
comment on column report.messages.text is 'The words, without attachments';
comment on column report.messages.model is 'Who said it; null: a person';
comment on column report.messages.actor is 'Who recorded it';
comment on column report.messages.client is 'Whose conversation it is';
comment on column report.messages.outcome is 'Of a reply: completed, failed, interrupted, or stepped when tools were called in between; copied: taken over from another conversation';
comment on column report.messages.reply_id is 'The reply that it is, or is part of';
comment on column report.messages.at is 'When it was said';

create view report.replies as
  select conversation_id, version, kind, outcome, reply_id, provider, model, input_tokens, output_tokens, cached_input_tokens,
    cache_write_tokens, reasoning_tokens, cost_usd, prices_of, first_token_ms, latency_ms, failure, actor, client,
    at::timestamptz as at
  from read.model_call;
comment on view report.replies is 'Calls to models: one row per step of a reply, per outcome and per summary. Calls of imported conversations are left out.';
comment on column report.replies.conversation_id is 'Where';
comment on column report.replies.version is 'Version of the event that recorded it';
comment on column report.replies.kind is 'reply or summary';
comment on column report.replies.outcome is 'completed, stepped (tools were called), failed, interrupted, summarized';
comment on column report.replies.reply_id is 'The reply; null: a summary';
comment on column report.replies.provider is 'Who was asked';
comment on column report.replies.model is 'The provider''s own name of the model';
comment on column report.replies.input_tokens is 'All of the input, what came from a cache included, as the provider counted; null: it did not say';
comment on column report.replies.output_tokens is 'All of the output, thoughts included; null: it did not say';
comment on column report.replies.cached_input_tokens is 'The part of input_tokens that came from the provider''s cache';
comment on column report.replies.cache_write_tokens is 'The part of input_tokens that was written to the provider''s cache';
comment on column report.replies.reasoning_tokens is 'The part of output_tokens that was thought and not said';
comment on column report.replies.cost_usd is 'US dollars; null: no price is known, which is not zero';
comment on column report.replies.prices_of is 'Date of the price table that was used';
comment on column report.replies.first_token_ms is 'Milliseconds until the first text; null: none came';
comment on column report.replies.latency_ms is 'Milliseconds until the end';
comment on column report.replies.failure is 'Kind of failure, of failed ones';
comment on column report.replies.actor is 'The worker that asked';
comment on column report.replies.client is 'Whose conversation it is';
comment on column report.replies.at is 'When it was recorded';

create view report.daily_usage as
  select (at at time zone 'UTC')::date as day, provider, model, count(*) as calls,
    count(*) filter (where outcome = 'failed') as failed,
    coalesce(sum(input_tokens), 0) as input_tokens, coalesce(sum(output_tokens), 0) as output_tokens,
    coalesce(sum(cached_input_tokens), 0) as cached_input_tokens,
    coalesce(sum(cache_write_tokens), 0) as cache_write_tokens,
    coalesce(sum(reasoning_tokens), 0) as reasoning_tokens,
    coalesce(sum(cost_usd), 0) as cost_usd,
    count(*) filter (where input_tokens is not null and cost_usd is null) as unpriced,
    count(*) filter (where input_tokens is null) as uncounted
  from report.replies group by 1, 2, 3;
comment on view report.daily_usage is 'Tokens and money by day, provider and model';
comment on column report.daily_usage.day is 'Day in UTC';
comment on column report.daily_usage.provider is 'Who was asked';
comment on column report.daily_usage.model is 'The provider''s own name of the model';
comment on column report.daily_usage.calls is 'Calls to the model, whatever became of them';
comment on column report.daily_usage.failed is 'Of these, those that failed';
comment on column report.daily_usage.input_tokens is 'As report.replies';
comment on column report.daily_usage.output_tokens is 'As report.replies';
comment on column report.daily_usage.cached_input_tokens is 'As report.replies';
comment on column report.daily_usage.cache_write_tokens is 'As report.replies';
comment on column report.daily_usage.reasoning_tokens is 'As report.replies';
comment on column report.daily_usage.cost_usd is 'US dollars of the calls whose price is known';
comment on column report.daily_usage.unpriced is 'Calls that the provider counted and whose price is not known: cost_usd is without them';
comment on column report.daily_usage.uncounted is 'Calls of which the provider told no tokens';

-- Roles belong to the whole server: another database, or another process at this moment, may make the same one, and the user of
-- this database may not be allowed to. Then it is said, and everything else works.
create function report.admit_reader() returns text language plpgsql as $$
begin
  -- usual: it is so already, and nothing is written
  if exists (select from pg_roles where rolname = 'signalbox_reader') then
    if has_schema_privilege('signalbox_reader', 'report', 'usage') and not exists (
      select from pg_class where relnamespace = 'report'::regnamespace and relkind = 'v'
        and not has_table_privilege('signalbox_reader', oid, 'select')) then
      return null;
    end if;
  end if;
  -- grants of several processes at once would meet on the same rows of the catalog
  perform pg_advisory_xact_lock(hashtextextended('report.admit_reader', 0));
  if not exists (select from pg_roles where rolname = 'signalbox_reader') then
    begin
      create role signalbox_reader login;
      alter role signalbox_reader set default_transaction_read_only = on;
      comment on role signalbox_reader is 'Reads the views of the schema report of Signalbox databases';
    exception
      when duplicate_object or unique_violation then null;
      when insufficient_privilege then
        return 'The user ' || current_user || ' may not create roles, so there is no role signalbox_reader for reports. '
          || 'Have an administrator run: create role signalbox_reader login; then run signalbox db migrate again.';
    end;
  end if;
  execute 'grant usage on schema report to signalbox_reader';
  execute 'grant select on all tables in schema report to signalbox_reader';
  execute 'alter default privileges in schema report grant select on tables to signalbox_reader';
  return null;
exception
  when undefined_object then
    return 'The role signalbox_reader was being made or removed by somebody else; run signalbox db migrate again.';
end $$;
comment on function report.admit_reader is 'Makes the role signalbox_reader where that is allowed and lets it read; answers null, or why not in one sentence';
revoke execute on function report.admit_reader from public;
select report.admit_reader();
